// Draws a password, as long and of the characters that a person chooses.

import { generatePassword } from "csms";
import { useState } from "react";

import { useLanguage } from "../app/language";
import { Button } from "./Button";
import { Field } from "./Field";
import { Panel } from "./Panel";
import { Toggle } from "./Toggle";

/** Characters that systems tend to take apart in connection strings and shells. */
const AWKWARD = "\"'`\\/@:;#?&%<>|{}[]()$!^~,=+*";

export function GenerateButton({ label, onGenerate }: { label: string; onGenerate: (password: string) => void }) {
  const { t } = useLanguage();
  const [length, setLength] = useState("32");
  const [hasSigns, setHasSigns] = useState(true);
  const isAllowed = /^\d+$/.test(length) && Number(length) >= 8 && Number(length) <= 4096;
  const draw = (close: () => void) => {
    const drawn = generatePassword({
      length: Number(length),
      exclude_punctuation: !hasSigns,
      exclude_characters: hasSigns ? AWKWARD : "",
      require_each_included_type: true,
    });
    if (!drawn.ok) return;
    onGenerate(drawn.value);
    close();
  };
  return (
    <Panel
      label={label}
      className="account-menu"
      button={
        <Button kind="quiet" aria-label={label}>
          {t("Generate…")}
        </Button>
      }
    >
      {(close) => (
        <>
          <Field
            label={t("Length")}
            value={length}
            onChange={setLength}
            inputMode="numeric"
            problems={isAllowed ? [] : [t("A whole number from 8 to 4096.")]}
          />
          <Toggle isOn={hasSigns} onChange={setHasSigns}>
            {t("With - and _")}
          </Toggle>
          <Button kind="primary" isDisabled={!isAllowed} onPress={() => draw(close)}>
            {t("Generate a password")}
          </Button>
        </>
      )}
    </Panel>
  );
}
