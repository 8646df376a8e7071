// Whether and how a value is sealed before it is saved.

import type { SecretType } from "csms";
import { useState } from "react";

import { useLanguage } from "../app/language";
import { hasCryptography } from "../app/secure";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { CopySecret } from "../ui/CopyText";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Notice } from "../ui/Notice";
import { SecretInput } from "../ui/SecretInput";
import { Toggle } from "../ui/Toggle";
import { withEdit } from "./lines";
import { isPrivateKey, keyPair, type Sealing, type SealingWay } from "./sealing";

interface Props {
  /** A login that rotates is opened by its function, so it is sealed for the function's public key. */
  type: SecretType;
  sealing: Sealing;
  onChange: (change: (before: Sealing) => Sealing) => void;
  problem: string | undefined;
}

export function SealingFields({ type, sealing, onChange, problem }: Props) {
  const { t } = useLanguage();
  const [privateKey, setPrivateKey] = useState("");
  const [isShown, setIsShown] = useState(false);
  /** Whether what was put into the field of the public key was a private one. */
  const [isPrivate, setIsPrivate] = useState(false);
  const isRotated = type !== "COMMON";
  const problems = problem ? [t(problem)] : [];
  const draw = useAction(async () => {
    const pair = await keyPair();
    setPrivateKey(pair.privateKey);
    setIsPrivate(false);
    onChange((before) => ({ ...before, jwk: pair.publicKey }));
  });
  return (
    <fieldset>
      <legend>{t("Seal before saving")}</legend>
      <Choice<SealingWay>
        label={t("Seal before saving")}
        isLabelHidden
        isDisabled={!hasCryptography()}
        value={sealing.way}
        onChange={(way) => onChange((before) => ({ ...before, way }))}
        options={[
          { value: "none", label: t("No") },
          ...(isRotated ? [] : [{ value: "passphrase" as const, label: t("With a passphrase") }]),
          { value: "public", label: isRotated ? t("For the rotation function") : t("For a public key") },
        ]}
      />
      {!hasCryptography() && (
        <Notice kind="warning" title={t("Sealing needs HTTPS.")}>
          <p>{t("Browsers give cryptography to pages over HTTPS only. Open the console over HTTPS.")}</p>
        </Notice>
      )}
      {sealing.way === "none" && (
        <p className="hint">
          {t(
            "The service encrypts every value it stores. A sealed value is encrypted in this page as well, so that not even the service can read it.",
          )}
        </p>
      )}
      {sealing.way === "passphrase" && (
        <>
          <SecretInput
            label={t("Passphrase")}
            isShown={isShown}
            initial={sealing.passphrase}
            mayHaveLines
            onInput={(shown, edit) =>
              onChange((before) => ({ ...before, passphrase: withEdit(before.passphrase, shown, edit) }))
            }
            problems={problems}
            hint={t(
              "Whoever reads the value needs it. If it is lost, the value is lost: neither the service nor an administrator can recover it.",
            )}
            autoComplete="new-password"
          />
          <SecretInput
            label={t("Passphrase once more")}
            isShown={isShown}
            initial={sealing.repeated}
            mayHaveLines
            onInput={(shown, edit) =>
              onChange((before) => ({ ...before, repeated: withEdit(before.repeated, shown, edit) }))
            }
            problems={
              sealing.repeated !== "" && sealing.repeated !== sealing.passphrase && problems.length === 0
                ? [t("The two passphrases differ.")]
                : []
            }
            autoComplete="new-password"
          />
          <Toggle isOn={isShown} onChange={setIsShown}>
            {t("Show the passphrase")}
          </Toggle>
        </>
      )}
      {sealing.way === "public" && (
        <>
          <Field
            label={t("Public key of the recipient (JSON Web Key)")}
            isCode
            rows={3}
            value={sealing.jwk}
            onChange={(jwk) => {
              // What the field holds is in the document.
              setIsPrivate(isPrivateKey(jwk));
              if (!isPrivateKey(jwk)) onChange((before) => ({ ...before, jwk }));
            }}
            problems={
              isPrivate
                ? [t("This is the private key, which opens what is sealed. It was not taken; paste the public one.")]
                : problems
            }
            hint={
              isRotated
                ? t(
                    "The function needs the private key in {variable}, and so does every program that reads the secret. It seals new passwords for the same key.",
                    { variable: "CSMS_SEALING_KEY_FILE" },
                  )
                : undefined
            }
          />
          <Button onPress={() => void draw.run()} isPending={draw.isRunning}>
            {t("Make a key pair")}
          </Button>
          <Failure error={draw.error} />
          {privateKey && (
            <Notice kind="warning" title={t("Keep the private key now")}>
              <p>{t("It opens what is sealed for the public key above, and is shown nowhere else.")}</p>
              <CopySecret label={t("Copy the private key")} read={() => privateKey} />
            </Notice>
          )}
        </>
      )}
    </fieldset>
  );
}
