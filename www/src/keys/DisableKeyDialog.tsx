// Disables a key, after saying what that does to secrets.

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Notice } from "../ui/Notice";
import type { KeyDialogProps } from "./KeyDialog";
import { ProtectedSecrets } from "./ProtectedSecrets";

export function DisableKeyDialog({ keyInfo: key, onClose, onChange }: KeyDialogProps) {
  const { t } = useLanguage();
  const { client } = useSession();
  const { run, isRunning, error } = useAction(async () => {
    await client.disableKey({ key_id: key.key_id });
    announce(t("{name} is disabled.", { name: key.key_alias }));
    onChange();
    onClose();
  });
  return (
    <Dialog title={t("Disable {name}", { name: key.key_alias })} isOpen onClose={onClose}>
      <Notice kind="warning" title={t("Values that it protects become unreadable at once.")}>
        <p>
          {t(
            "Programs that read them get an error, new versions and rotations fail. Nothing is lost: enable the key, and all of it works again.",
          )}
        </p>
      </Notice>
      <ProtectedSecrets id={key.key_id} />
      <Failure error={error} />
      <div className="row actions">
        <Button kind="danger" onPress={() => void run()} isPending={isRunning}>
          {t("Disable the key")}
        </Button>
        <CancelButton />
      </div>
    </Dialog>
  );
}
