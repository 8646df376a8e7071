// A form. While what it says is on its way its fields stay as they are: what is typed then would be neither sent nor kept.
// Its buttons go on, and the keyboard waits at the one that sends.

import { type ComponentProps, useLayoutEffect, useRef } from "react";

interface Props extends Omit<ComponentProps<"form">, "onSubmit"> {
  isBusy: boolean;
  onSubmit: () => void;
}

export function Form({ isBusy, onSubmit, ...props }: Props) {
  const form = useRef<HTMLFormElement>(null);
  /** Where the keyboard was when the form was sent. */
  const left = useRef<HTMLElement>(null);
  // After every change, as parts may have come meanwhile.
  useLayoutEffect(() => {
    const node = form.current;
    const sender = node?.querySelector<HTMLElement>("[type=submit]") ?? null;
    const parts = ([...(node?.children ?? [])] as HTMLElement[]).filter((part) => !part.contains(sender));
    const focused = document.activeElement;
    if (isBusy && focused instanceof HTMLElement && parts.some((part) => part.contains(focused))) {
      left.current = focused;
      sender?.focus();
    }
    for (const part of parts) part.inert = isBusy;
    if (isBusy || !left.current) return;
    // A button that is disabled now may have lost the focus.
    if (focused === sender || focused === document.body) left.current.focus();
    left.current = null;
  });
  return (
    <form
      {...props}
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    />
  );
}
