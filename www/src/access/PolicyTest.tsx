// Tries a policy before it is saved: what somebody who has only this one may do, with all secrets or with one.

import { useState } from "react";

import { type Translate, useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Badge, type Tone } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Notice } from "../ui/Notice";
import { type JudgedAction, judgePolicy, type PolicyVerdict } from "./policyCheck";

const TONES: Record<JudgedAction["verdict"], [text: string, tone: Tone]> = {
  allowed: ["Allowed", "good"],
  depends: ["Depends", "warning"],
  denied: ["Denied", "plain"],
};

export function PolicyTest({ text, isDisabled }: { text: string; isDisabled: boolean }) {
  const { t } = useLanguage();
  const session = useSession();
  const [secret, setSecret] = useState("");
  const [wanted, setWanted] = useState("");
  const [tried, setTried] = useState<{ of: string; verdict: PolicyVerdict }>();
  const { run, isRunning, error } = useAction(async () => {
    setTried(undefined);
    setTried({ of: `${secret}\n${text}`, verdict: await judgePolicy(session, text, secret.trim()) });
  });
  // What was judged is no longer what is written.
  const isStale = tried !== undefined && tried.of !== `${secret}\n${text}`;
  return (
    <fieldset className="policy-test">
      <legend>{t("Try it before saving")}</legend>
      <div className="row policy-test-fields">
        <Field label={t("Action (a part of its name)")} isCode value={wanted} onChange={setWanted} />
        <Field label={t("With the secret (may be left out)")} isCode value={secret} onChange={setSecret} />
        <Button onPress={() => void run()} isPending={isRunning} isDisabled={isDisabled}>
          {isRunning ? t("Trying…") : t("Try the policy")}
        </Button>
      </div>
      <Failure error={error} />
      <div aria-live="polite">
        {isStale && <p className="hint">{t("The text has changed; try it again.")}</p>}
        {tried && !isStale && <Verdict verdict={tried.verdict} wanted={wanted.trim()} />}
      </div>
    </fieldset>
  );
}

/** What is allowed comes first: most actions are denied. */
const ORDER: readonly JudgedAction["verdict"][] = ["allowed", "depends", "denied"];

function Verdict({ verdict, wanted }: { verdict: PolicyVerdict; wanted: string }) {
  const { t } = useLanguage();
  const counted = (one: JudgedAction["verdict"]) => verdict.actions.filter(({ verdict }) => verdict === one).length;
  // Without a name only what is allowed is of interest; most actions are denied.
  const shown = verdict.actions
    .filter(({ action, verdict }) =>
      wanted === "" ? verdict !== "denied" : action.toLowerCase().includes(wanted.toLowerCase()),
    )
    .sort((one, other) => ORDER.indexOf(one.verdict) - ORDER.indexOf(other.verdict));
  return (
    <div className="sections">
      {verdict.warnings.length > 0 && (
        <Notice kind="warning" title={t("A part of the policy means nothing here.")}>
          {verdict.warnings.map((warning) => (
            <p key={warning} className="hint">
              <code className="wrap">{warning}</code>
            </p>
          ))}
        </Notice>
      )}
      <p>
        {t("Allowed: {allowed}. Depends: {depends}. Denied: {denied}.", {
          allowed: counted("allowed"),
          depends: counted("depends"),
          denied: counted("denied"),
        })}
      </p>
      {shown.length === 0 && (
        <p className="hint">{wanted === "" ? t("It allows nothing.") : t("No action has such a name.")}</p>
      )}
      {shown.length > 0 && (
        <ul className="lines policy-verdict" aria-label={t("What the policy says")}>
          {shown.map(({ action, verdict, on }) => (
            <li key={action}>
              <code>{action}</code>
              <span>
                <Badge tone={TONES[verdict][1]}>{t(TONES[verdict][0])}</Badge>{" "}
                {on.length > 0 && <span className="hint">{on.map((key) => dependence(key, t)).join(", ")}</span>}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const dependence = (key: string, t: Translate) => (key === "Resource" ? t("on the name of the resource") : key);
