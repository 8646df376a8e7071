// A question that must be answered first. Escape and a click beside it answer no.

import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

interface Props {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
  isWide?: boolean;
  /** Whether only its own buttons close it, because what it shows is shown once. */
  isFirm?: boolean;
}

export function Dialog({ title, isOpen, onClose, children, isWide = false, isFirm = false }: Props) {
  return (
    <ModalOverlay className="overlay" isOpen={isOpen} onOpenChange={(open) => open || onClose()} isDismissable={!isFirm} isKeyboardDismissDisabled={isFirm}>
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
