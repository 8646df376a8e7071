// The value of a version. It is not in the page until somebody reveals it; it leaves when the window is left, and after a
// while in which nobody worked with it.

import type { Secret } from "csms";
import { useState } from "react";

import { useLanguage } from "../app/language";
import { useLacking } from "../app/rights";
import { useSession } from "../app/session";
import { Button } from "../ui/Button";
import { CopySecret } from "../ui/CopyText";
import { Failure } from "../ui/Failure";
import { HiddenAgain } from "./HiddenAgain";
import { OpenSealed } from "./OpenSealed";
import { ShownValue } from "./ShownValue";
import { ownerOf } from "./sealing";
import { useReveal } from "./useReveal";
import { shapeOf, storedOf, storedText } from "./value";

export function ValueView({ secret, version }: { secret: Secret; version: string }) {
  const { t } = useLanguage();
  const { client, project } = useSession();
  const { name } = secret;
  const { value, header, isExposed, error, isReading, show, hide, open, touch, ...hiding } = useReveal(name, version);
  const [isOpen, setIsOpen] = useState(true);
  const lacking = useLacking(name)("getVersion");
  const start = (hasValues: boolean) => {
    setIsOpen(hasValues);
    show();
  };
  const read = async () => {
    const answer = await client.showSecretVersion({ secret_name: name, version_id: version });
    return storedText(storedOf(answer.version));
  };
  const revealLabel = t("Reveal the value of {version}", { version });
  return (
    <div className="value-view" onPointerMove={touch} onKeyDown={touch} onScroll={touch} aria-busy={isReading}>
      <div className="row">
        {lacking ? (
          <Button isDisabled aria-label={revealLabel}>
            {t("Reveal")}
          </Button>
        ) : (
          // One button, so that the keyboard stays where it is.
          <Button
            onPress={value ? hide : () => start(true)}
            isPending={isReading}
            {...(value ? {} : { "aria-label": revealLabel })}
          >
            {value ? t("Hide") : isReading ? t("Reading…") : t("Reveal")}
          </Button>
        )}
        {!lacking && !value && (
          <Button kind="quiet" onPress={() => start(false)} isPending={isReading}>
            {t("Keys only")}
          </Button>
        )}
        {!lacking && (
          <CopySecret
            label={t("Copy the value of {version}", { version })}
            read={() => (value ? storedText(value) : read())}
          />
        )}
        {isExposed && !lacking ? (
          <HiddenAgain {...hiding} />
        ) : (
          <span className="hint">{lacking ?? t("Every reading is recorded by the service.")}</span>
        )}
      </div>
      <Failure error={error} />
      {value === undefined && (
        <div className="masked" aria-hidden="true">
          ••••••••••••
        </div>
      )}
      {value && header && "secret_string" in value && (
        <OpenSealed
          token={value.secret_string}
          header={header}
          owner={ownerOf(secret, project.id)}
          fileName={`${name}-${version}`}
          onOpen={open}
        />
      )}
      {value && !header && (
        <ShownValue
          key={String(isOpen)}
          value={value}
          fileName={`${name}-${version}`}
          isOpen={isOpen || shapeOf(value) !== "pairs"}
        />
      )}
    </div>
  );
}
