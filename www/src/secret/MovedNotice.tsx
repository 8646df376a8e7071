// Says that a secret was changed elsewhere while a form about it was open.

import { useLanguage } from "../app/language";
import { Notice } from "../ui/Notice";

export function MovedNotice() {
  const { t } = useLanguage();
  return (
    <Notice kind="warning" title={t("The secret was changed elsewhere after you began.")}>
      <p>{t("Nothing is saved yet. Check what is here against its state now, then save again.")}</p>
    </Notice>
  );
}
