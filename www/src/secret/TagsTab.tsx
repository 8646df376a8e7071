// The tags of a secret: words to find it by, and to group it with others.

import type { Secret } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useDirty } from "../app/leaving";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { useQuery } from "../app/useQuery";
import { Button } from "../ui/Button";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";

export function TagsTab({ secret }: { secret: Secret }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const { data, error, reload } = useQuery(secret.id, (signal) =>
    client.listSecretTags({ secret_id: secret.id }, { signal }),
  );
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  /** The value that the person agrees to replace. */
  const [replaced, setReplaced] = useState<string>();
  useDirty(key !== "" || value !== "");
  const add = useAction(async () => {
    // The API replaces the value of a key that is there, so the tags are read again just before.
    const { tags } = await client.listSecretTags({ secret_id: secret.id });
    const former = tags.find((tag) => tag.key === key.trim());
    if (former && former.value !== value.trim() && replaced !== former.value) {
      setReplaced(former.value);
      return;
    }
    await client.createSecretTag({ secret_id: secret.id, tag: { key: key.trim(), value: value.trim() } });
    announce(t("The tag {key} is saved.", { key: key.trim() }));
    setReplaced(undefined);
    setKey("");
    setValue("");
    reload();
  });
  const remove = useAction(async (gone: string) => {
    await client.deleteSecretTag({ secret_id: secret.id, key: gone });
    announce(t("The tag {key} is removed.", { key: gone }));
    reload();
  });
  return (
    <section aria-labelledby="tags" className="tags-tab">
      <h2 id="tags">{t("Tags")}</h2>
      <Failure error={error ?? remove.error} />
      {!data && error === undefined && <p className="muted">{t("Loading…")}</p>}
      {data?.tags.length === 0 && (
        <p className="muted">
          {t("No tags yet. Tag secrets by team, environment or service, and the list of secrets finds them.")}
        </p>
      )}
      {data && data.tags.length > 0 && (
        <ul className="tags">
          {data.tags.map((tag) => (
            <li key={tag.key} className="tag">
              <code>{tag.value ? `${tag.key}=${tag.value}` : tag.key}</code>
              <Button
                kind="quiet"
                onPress={() => void remove.run(tag.key)}
                aria-label={t("Remove the tag {key}", { key: tag.key })}
              >
                ✕
              </Button>
            </li>
          ))}
        </ul>
      )}
      <Form onSubmit={add.run} isBusy={add.isRunning} className="tag-form">
        <Field label={t("Key")} value={key} onChange={(text) => (setKey(text), setReplaced(undefined))} />
        <Field label={t("Value (may be left out)")} value={value} onChange={setValue} />
        <Button type="submit" isPending={add.isRunning} isDisabled={key.trim() === ""}>
          {t("Add the tag")}
        </Button>
      </Form>
      {replaced !== undefined && (
        <Notice kind="warning" title={t("This key is there with the value {value}.", { value: replaced || "—" })}>
          <p>{t("Add it once more to replace that value.")}</p>
        </Notice>
      )}
      <Failure error={add.error} />
    </section>
  );
}
