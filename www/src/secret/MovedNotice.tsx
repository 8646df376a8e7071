// Says that a secret, or something else, was changed elsewhere while a form about it was open.

import { useLanguage } from "../app/language";
import { Notice } from "../ui/Notice";

export function MovedNotice({ title }: { title?: string }) {
  const { t } = useLanguage();
  return (
    <Notice kind="warning" title={title ?? t("The secret was changed elsewhere after you began.")}>
      <p>{t("Nothing is saved yet. Check what is here against its state now, then save again.")}</p>
    </Notice>
  );
}
