// The value of a version. It is not in the page until somebody reveals it, and it leaves after a while.

import { useLanguage } from "../app/language";
import { useLacking } from "../app/rights";
import { Button } from "../ui/Button";
import { Failure } from "../ui/Failure";
import { CopyButton } from "./CopyButton";
import { OpenSealed } from "./OpenSealed";
import { ShownValue } from "./ShownValue";
import { useReveal } from "./useReveal";
import { sealedHeader } from "./value";

export function ValueView({ name, version }: { name: string; version: string }) {
  const { t } = useLanguage();
  const { value, secondsLeft, error, isReading, show, hide } = useReveal(name, version);
  const lacking = useLacking(name)("getVersion");
  const header = value && "secret_string" in value ? sealedHeader(value.secret_string) : undefined;
  return (
    <div className="value-view">
      <div className="row">
        {lacking ? (
          <Button isDisabled aria-label={t("Reveal the value of {version}", { version })}>
            {t("Reveal")}
          </Button>
        ) : value ? (
          <Button onPress={hide}>{t("Hide")}</Button>
        ) : (
          <Button onPress={show} isPending={isReading} aria-label={t("Reveal the value of {version}", { version })}>
            {isReading ? t("Reading…") : t("Reveal")}
          </Button>
        )}
        {!lacking && <CopyButton name={name} version={version} />}
        <span className="hint">
          {lacking ??
            (value
              ? t("Hidden again in {seconds} s.", { seconds: secondsLeft })
              : t("Every reading is recorded by the service."))}
        </span>
      </div>
      <Failure error={error} />
      {value === undefined && (
        <div className="masked" aria-hidden="true">
          ••••••••••••
        </div>
      )}
      {value && header && "secret_string" in value && <OpenSealed token={value.secret_string} header={header} />}
      {value && !header && <ShownValue value={value} />}
    </div>
  );
}
