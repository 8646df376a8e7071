// On or off.

import type { ReactNode } from "react";
import { Switch } from "react-aria-components";

export function Toggle(props: {
  isOn: boolean;
  onChange: (isOn: boolean) => void;
  children: ReactNode;
  isDisabled?: boolean;
}) {
  return (
    <Switch className="toggle" isSelected={props.isOn} onChange={props.onChange} isDisabled={props.isDisabled ?? false}>
      <span className="toggle-track" aria-hidden="true" />
      {props.children}
    </Switch>
  );
}
