// A sealed value: what it says about itself, and a way to open it in this page.

import { type RefObject, useEffect, useRef, useState } from "react";

import { download } from "../app/download";
import { useLanguage } from "../app/language";
import { hasCryptography } from "../app/secure";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { CopySecret } from "../ui/CopyText";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";
import { SecretInput } from "../ui/SecretInput";
import { withEdit } from "./lines";
import { ShownValue } from "./ShownValue";
import { foreignIn, type Owner, opened } from "./sealing";
import { type SealedHeader, type Stored, storedText, textOf, toBase64 } from "./value";

interface Props {
  token: string;
  header: SealedHeader;
  /** The secret whose value it is stored as. */
  owner: Owner;
  /** What a file of the opened value is called. */
  fileName: string;
  /** After it was opened. */
  onOpen: () => void;
}

export function OpenSealed({ token, header, owner, fileName, onOpen }: Props) {
  const { t } = useLanguage();
  const leavings = useLeavings();
  const [secret, setSecret] = useState("");
  const [value, setValue] = useState<Stored>();
  const isPassphrase = header.algorithm.startsWith("PBES2");
  const { name, purpose } = header;
  const foreign = foreignIn(header, owner);
  const { run, isRunning, error } = useAction(async () => {
    const before = leavings.current;
    const bytes = await opened(token, secret, header, owner);
    // Nobody looks any more; what was typed is still there for when they do.
    if (leavings.current !== before) return;
    setValue(storedOfBytes(bytes));
    onOpen();
  });
  if (value !== undefined) {
    return (
      <>
        <div className="row">
          <CopySecret label={t("Copy the opened value")} isSpelt read={() => storedText(value)} />
          {"secret_string" in value && (
            <Button onPress={() => download(value.secret_string, fileName, "text/plain")}>{t("Download")}</Button>
          )}
        </div>
        <ShownValue value={value} fileName={fileName} />
      </>
    );
  }
  if (foreign === "name") {
    return (
      <Notice kind="warning" title={t("This value is sealed for another secret: {name}.", { name: name ?? "" })}>
        <p>
          {t(
            "Values of {name} alone open here; somebody may have copied this one. Look in the audit trail for who stored it, and store the right value.",
            { name: owner.name },
          )}
        </p>
      </Notice>
    );
  }
  if (foreign === "purpose") {
    return (
      <Notice
        kind="warning"
        title={t("This value is sealed for another purpose: {purpose}.", { purpose: purpose ?? "" })}
      >
        <p>
          {t(
            "Values of this secret open here if they are sealed for the purpose {purpose}. Open this one with the program that it is sealed for, or store the right value.",
            { purpose: owner.purposes?.[0] ?? "" },
          )}
        </p>
      </Notice>
    );
  }
  return (
    <Form onSubmit={run} isBusy={isRunning} className="sealed">
      <Notice title={t("This value is sealed.")}>
        <p>
          {isPassphrase
            ? t("Whoever sealed it has the passphrase.")
            : t("It was sealed for a public key; the private key opens it.")}{" "}
          <code>{header.algorithm}</code>
          {name !== undefined && (
            <>
              {" · "}
              {t("bound to")} <code>{name}</code>
            </>
          )}
        </p>
      </Notice>
      {!hasCryptography() && (
        <Notice kind="warning" title={t("Opening needs HTTPS.")}>
          <p>{t("Browsers give cryptography to pages over HTTPS only. Open the console over HTTPS.")}</p>
        </Notice>
      )}
      <SecretInput
        label={isPassphrase ? t("Passphrase") : t("Private key (JSON Web Key)")}
        mayHaveLines
        onInput={(shown, edit) => setSecret((before) => withEdit(before, shown, edit))}
        autoComplete="off"
      />
      {error !== undefined && (
        <p className="problem" role="alert">
          {t("It does not open: the key is not the right one, or the value was changed.")}
        </p>
      )}
      <div className="row actions">
        <Button type="submit" isDisabled={secret === "" || !hasCryptography()} isPending={isRunning}>
          {t("Open in this page")}
        </Button>
      </div>
    </Form>
  );
}

/** Text where the bytes are text, and the bytes otherwise. */
function storedOfBytes(bytes: Uint8Array): Stored {
  const text = textOf(bytes);
  return text === undefined ? { secret_binary: toBase64(bytes) } : { secret_string: text };
}

/** How often the window was left: who began something before that does not see what comes of it. */
function useLeavings(): RefObject<number> {
  const count = useRef(0);
  useEffect(() => {
    const leave = () => {
      count.current += 1;
    };
    addEventListener("blur", leave);
    return () => removeEventListener("blur", leave);
  }, []);
  return count;
}
