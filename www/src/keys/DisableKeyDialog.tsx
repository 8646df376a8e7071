// Disables a key, after saying what that does to secrets.

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { Notice } from "../ui/Notice";
import type { KeyDialogProps } from "./KeyDialog";
import { ProtectedSecrets } from "./ProtectedSecrets";

export function DisableKeyDialog({ keyInfo: key, onClose, onChange }: KeyDialogProps) {
  const { t } = useLanguage();
  const { client } = useSession();
  return (
    <ConfirmDialog
      title={t("Disable {name}", { name: key.key_alias })}
      verb={t("Disable the key")}
      act={async () => {
        await client.disableKey({ key_id: key.key_id });
        announce(t("{name} is disabled.", { name: key.key_alias }));
        onChange();
      }}
      onClose={onClose}
    >
      <Notice kind="warning" title={t("Values that it protects become unreadable at once.")}>
        <p>
          {t(
            "Programs that read them get an error, new versions and rotations fail. Nothing is lost: enable the key, and all of it works again.",
          )}
        </p>
      </Notice>
      <ProtectedSecrets id={key.key_id} />
    </ConfirmDialog>
  );
}
