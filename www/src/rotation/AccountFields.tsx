// The login of a database account, field by field.

import { useState } from "react";

import { useLanguage } from "../app/language";
import { Choice } from "../ui/Choice";
import { Field } from "../ui/Field";
import { GenerateButton } from "../ui/GenerateButton";
import { SecretInput } from "../ui/SecretInput";
import { Select } from "../ui/Select";
import { Toggle } from "../ui/Toggle";
import { withEdit } from "../value/lines";
import { type Account, type AccountField, ENGINES, inEngine, type Trust } from "./account";

interface Props {
  account: Account;
  onChange: (change: Partial<Account>) => void;
  /** Fields to complain about. */
  missing: readonly AccountField[];
}

export function AccountFields({ account, onChange, missing }: Props) {
  const { t } = useLanguage();
  const [isShown, setIsShown] = useState(false);
  // The field holds its own text, so a generated one makes a new field.
  const [drawn, setDrawn] = useState(0);
  const problem = (field: AccountField, words: string) => (missing.includes(field) ? [words] : []);
  const choose = (id: string) => {
    const engine = ENGINES.find((each) => each.id === id);
    if (engine) onChange(inEngine(account, engine));
  };
  return (
    <fieldset>
      <legend>{t("Account in the database")}</legend>
      <Choice
        label={t("Engine")}
        value={account.engine}
        onChange={choose}
        options={ENGINES.map(({ id, title }) => ({ value: id, label: title }))}
      />
      <div className="fields">
        <Field
          label={t("Host")}
          isCode
          value={account.host}
          onChange={(host) => onChange({ host })}
          problems={problem("host", t("The name or address of the database server."))}
        />
        <Field
          label={t("Port")}
          isCode
          inputMode="numeric"
          value={account.port}
          onChange={(port) => onChange({ port })}
          problems={problem("port", t("A number from 1 to 65535."))}
        />
      </div>
      <Field
        label={t("Database (may be left out)")}
        isCode
        value={account.dbname}
        onChange={(dbname) => onChange({ dbname })}
      />
      <Field
        label={t("Account name")}
        isCode
        value={account.username}
        onChange={(username) => onChange({ username })}
        problems={problem("username", t("The name with which it logs in."))}
      />
      <div>
        <SecretInput
          key={drawn}
          label={t("Password of the account")}
          initial={account.password}
          isShown={isShown}
          mayHaveLines
          onInput={(shown, edit) => onChange({ password: withEdit(account.password, shown, edit) })}
          hint={t("The one that the database accepts now. A rotation replaces it.")}
          problems={problem("password", t("The password that the database accepts now."))}
        />
        <div className="row spread">
          <Toggle isOn={isShown} onChange={setIsShown}>
            {t("Show the password")}
          </Toggle>
          <GenerateButton
            label={t("Generate a password for the account")}
            onGenerate={(password) => {
              onChange({ password });
              setDrawn(drawn + 1);
            }}
          />
        </div>
      </div>
      <Select<Trust>
        label={t("Encryption (TLS)")}
        value={account.tls}
        onChange={(tls) => onChange({ tls })}
        options={[
          { value: "verify", label: t("Yes, and check the certificate and the name") },
          { value: "verify-ca", label: t("Yes, and check the certificate, with any name") },
          { value: "disable", label: t("No: anybody on the network can read along") },
        ]}
      />
    </fieldset>
  );
}
