// Asks before one thing is done that cannot be undone, or that locks somebody out; its children say what will be gone.

import type { ReactNode } from "react";

import { useAction } from "../app/useAction";
import { Button } from "./Button";
import { CancelButton, Dialog } from "./Dialog";
import { Failure } from "./Failure";

interface Props {
  title: string;
  /** The word of the button that does it. */
  verb: string;
  act: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}

export function ConfirmDialog({ title, verb, act, onClose, children }: Props) {
  const { run, isRunning, error } = useAction(async () => {
    await act();
    onClose();
  });
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      {children}
      <Failure error={error} />
      <div className="row actions">
        <Button kind="danger" onPress={() => void run()} isPending={isRunning}>
          {verb}
        </Button>
        <CancelButton />
      </div>
    </Dialog>
  );
}
