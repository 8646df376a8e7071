// A question that must be answered first. Escape, a click beside it and its cancel button close it; once something was
// typed in it, they ask first.

import { createContext, type ReactNode, use, useState } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

import { useLanguage } from "../app/language";
import { useDirty } from "../app/leaving";
import { Button } from "./Button";

interface Props {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
  isWide?: boolean;
  /** Whether only its own buttons close it, because what it shows is shown once. */
  isFirm?: boolean;
  /** Whether it holds something that closing would lose, though nobody typed it here. */
  isDirty?: boolean;
  /** Whether what is typed in it only looks for something. */
  isSearch?: boolean;
}

const Closing = createContext<() => void>(() => undefined);

export function Dialog(props: Props) {
  const { title, isOpen, onClose, children, isWide = false, isFirm = false, isDirty = false, isSearch = false } = props;
  const [isTouched, setIsTouched] = useState(false);
  const isHeld = !isFirm && !isSearch && (isTouched || isDirty);
  const mayDiscard = useDirty(isOpen && isHeld);
  const close = () => {
    if (mayDiscard()) onClose();
  };
  return (
    <ModalOverlay
      className="overlay"
      isOpen={isOpen}
      onOpenChange={(open) => open || close()}
      isDismissable={!isFirm}
      isKeyboardDismissDisabled={isFirm}
    >
      <Modal className={isWide ? "modal is-wide" : "modal"}>
        <AriaDialog className="dialog">
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          <div className="dialog-body" onInput={() => setIsTouched(true)} onChange={() => setIsTouched(true)}>
            <Closing value={close}>{children}</Closing>
          </div>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** Leaves the dialog around it, after the question that typed text takes. */
export function CancelButton({ children }: { children?: ReactNode }) {
  const { t } = useLanguage();
  return <Button onPress={use(Closing)}>{children ?? t("Cancel")}</Button>;
}
