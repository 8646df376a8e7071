// Something to know before going on.

import type { ReactNode } from "react";

interface Props {
  kind?: "info" | "warning" | "danger" | "success";
  title?: string;
  children?: ReactNode;
}

export function Notice({ kind = "info", title, children }: Props) {
  return (
    <div className={`notice notice-${kind}`} role={kind === "danger" ? "alert" : "note"}>
      {title && <strong>{title}</strong>}
      {children && <div>{children}</div>}
    </div>
  );
}
