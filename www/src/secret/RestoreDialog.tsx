// Takes a scheduled deletion back.

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import type { SecretDialogProps } from "./SecretActions";

export function RestoreDialog({ known: { secret }, isOpen, onClose, onChange }: SecretDialogProps) {
  const { t } = useLanguage();
  const { client } = useSession();
  const { run, isRunning, error } = useAction(async () => {
    await client.restoreSecret({ secret_name: secret.name });
    announce(t("{name} is restored.", { name: secret.name }));
    onChange();
    onClose();
  });
  return (
    <Dialog title={t("Restore {name}", { name: secret.name })} isOpen={isOpen} onClose={onClose}>
      <p>{t("It will not be deleted, and programs can read it again.")}</p>
      <Failure error={error} />
      <div className="row actions">
        <Button kind="primary" onPress={() => void run()} isPending={isRunning}>
          {t("Restore")}
        </Button>
        <CancelButton />
      </div>
    </Dialog>
  );
}
