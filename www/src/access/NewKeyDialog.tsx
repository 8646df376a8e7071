// A new access key. Its secret key is told once; it is not in the document unless somebody asks to see it.

import { useState } from "react";

import { useLanguage } from "../app/language";
import { Button } from "../ui/Button";
import { CopySecret } from "../ui/CopyText";
import { Dialog } from "../ui/Dialog";
import { Facts } from "../ui/Facts";
import { Notice } from "../ui/Notice";

export interface MadeKey {
  id: string;
  secret: string;
}

export function NewKeyDialog({ made, onClose }: { made: MadeKey; onClose: () => void }) {
  const { t } = useLanguage();
  const [isShown, setIsShown] = useState(false);
  return (
    <Dialog title={t("Keep the secret key now")} isOpen onClose={onClose} isFirm>
      <Notice kind="warning" title={t("You will not see this key again.")}>
        <p>
          {t(
            "Whoever has both keys is this user. Keep them where only the program reads them; if they are lost, make another access key and delete this one.",
          )}
        </p>
      </Notice>
      <Facts
        facts={[
          [t("Access key (AK)"), <code key="id">{made.id}</code>],
          [t("Secret key (SK)"), <code key="secret">{isShown ? made.secret : "••••••••••••"}</code>],
        ]}
      />
      <div className="row">
        <Button
          onPress={() => setIsShown(!isShown)}
          aria-label={isShown ? t("Hide the secret key") : t("Reveal the secret key")}
        >
          {isShown ? t("Hide") : t("Reveal")}
        </Button>
        <CopySecret label={t("Copy the secret key")} read={() => made.secret} />
      </div>
      <div className="row actions">
        <Button kind="primary" onPress={onClose}>
          {t("I have kept it")}
        </Button>
      </div>
    </Dialog>
  );
}
