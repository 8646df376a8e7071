// A button. One main action per view is `primary`; what cannot be undone is `danger`; `link` looks like one, where a name
// opens a dialog.

import { useLayoutEffect, useRef } from "react";
import { Button as AriaButton, type ButtonProps } from "react-aria-components";

interface Props extends Omit<ButtonProps, "className" | "isPending"> {
  kind?: "primary" | "plain" | "danger" | "quiet" | "link";
  /** Whether what it started is under way. It stays as it is for the keyboard; a second start does nothing (`useAction`). */
  isPending?: boolean;
}

export function Button({ kind = "plain", isPending = false, ...props }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const node = button.current;
    return () => {
      // WebKit does not say that the focus is lost with it, and a dialog without the focus hears no Escape.
      if (node && node === document.activeElement) node.closest<HTMLElement>("[role=dialog]")?.focus();
    };
  }, []);
  return <AriaButton {...props} ref={button} className={`button button-${kind}${isPending ? " is-pending" : ""}`} />;
}
