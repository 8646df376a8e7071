// What can be done with one thing, in a menu. What cannot be done now says why.

import { Menu, MenuItem, MenuTrigger, Popover, Text } from "react-aria-components";

import { Button } from "./Button";

export interface ActionItem<A extends string> {
  id: A;
  label: string;
  /** Why it is not possible now. */
  refusal?: string | undefined;
}

interface Props<A extends string> {
  /** What the button is called. */
  label: string;
  items: readonly ActionItem<A>[];
  onAction: (action: A) => void;
  isDisabled?: boolean;
  /** Under which end of the button it opens: where the button stands at the left, its start. */
  side?: "start" | "end";
}

export function ActionMenu<A extends string>({ label, items, onAction, isDisabled = false, side = "end" }: Props<A>) {
  return (
    <MenuTrigger>
      <Button aria-label={label} isDisabled={isDisabled}>
        ⋯
      </Button>
      <Popover className="popover" placement={`bottom ${side}`}>
        <Menu
          className="menu"
          onAction={(key) => onAction(key as A)}
          disabledKeys={items.filter(({ refusal }) => refusal !== undefined).map(({ id }) => id)}
        >
          {items.map(({ id, label, refusal }) => (
            <MenuItem key={id} id={id} textValue={label} className="menu-item">
              <Text slot="label">{label}</Text>
              {refusal !== undefined && (
                <Text slot="description" className="hint">
                  {refusal}
                </Text>
              )}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
