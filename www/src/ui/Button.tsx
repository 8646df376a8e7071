// A button. One main action per view is `primary`; what cannot be undone is `danger`.

import { Button as AriaButton, type ButtonProps } from "react-aria-components";

interface Props extends ButtonProps {
  kind?: "primary" | "plain" | "danger" | "quiet";
}

export function Button({ kind = "plain", ...props }: Props) {
  return <AriaButton {...props} className={`button button-${kind}`} />;
}
