// A button. One main action per view is `primary`; what cannot be undone is `danger`; `link` looks like one, where a name
// opens a dialog.

import { Button as AriaButton, type ButtonProps } from "react-aria-components";

interface Props extends Omit<ButtonProps, "className" | "isPending"> {
  kind?: "primary" | "plain" | "danger" | "quiet" | "link";
  /** Whether what it started is under way. It stays as it is for the keyboard; a second start does nothing (`useAction`). */
  isPending?: boolean;
}

export function Button({ kind = "plain", isPending = false, ...props }: Props) {
  return <AriaButton {...props} className={`button button-${kind}${isPending ? " is-pending" : ""}`} />;
}
