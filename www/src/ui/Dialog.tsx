// A question that must be answered first. Escape and a click beside it close it, unless something was typed.

import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

import { useDirty } from "../app/leaving";

interface Props {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
  isWide?: boolean;
  /** Whether only its own buttons close it, because what it shows is shown once. */
  isFirm?: boolean;
  /** Whether something was typed that closing would lose. Escape and a click beside do not close it then; its buttons ask. */
  isDirty?: boolean;
}

export function Dialog({ title, isOpen, onClose, children, isWide = false, isFirm = false, isDirty = false }: Props) {
  useDirty(isOpen && isDirty);
  const isHeld = isFirm || isDirty;
  return (
    <ModalOverlay
      className="overlay"
      isOpen={isOpen}
      onOpenChange={(open) => open || onClose()}
      isDismissable={!isHeld}
      isKeyboardDismissDisabled={isHeld}
    >
      <Modal className={isWide ? "modal is-wide" : "modal"}>
        <AriaDialog className="dialog">
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
