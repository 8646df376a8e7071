// Something small that opens at a button and closes by a press beside it: a menu of links, a few fields. What needs an
// answer is a `Dialog`.

import { type ReactNode, useState } from "react";
import { DialogTrigger, Popover } from "react-aria-components";

interface Props {
  /** What it is called. */
  label: string;
  /** The button that opens it. */
  button: ReactNode;
  className: string;
  side?: "start" | "end";
  children: (close: () => void) => ReactNode;
}

export function Panel({ label, button, className, side = "end", children }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <DialogTrigger isOpen={isOpen} onOpenChange={setIsOpen}>
      {button}
      {/* The popover is the dialog, so that its buttons for leaving it are within the dialog too. */}
      <Popover className="popover" placement={`bottom ${side}`} aria-label={label}>
        <div className={className}>{children(() => setIsOpen(false))}</div>
      </Popover>
    </DialogTrigger>
  );
}
