// Turns automatic rotation on and off, and explains the period.

import { parseRotationConfig, type Secret, validateUpdateSecret } from "csms";
import { type FormEvent, useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { forgetDirty, useDirty } from "../app/leaving";
import { useLacking } from "../app/rights";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { MovedNotice } from "../secret/MovedNotice";
import { useProblems } from "../secrets/useProblems";
import { Button } from "../ui/Button";
import { Facts } from "../ui/Facts";
import { Failure } from "../ui/Failure";
import { Time } from "../ui/Time";
import { Toggle } from "../ui/Toggle";
import { FunctionSelect } from "./FunctionSelect";
import { PeriodField } from "./PeriodField";

/** What the form changes. */
const scheduleOf = ({ auto_rotation, rotation_period, rotation_func_urn }: Secret) =>
  JSON.stringify([auto_rotation, rotation_period, rotation_func_urn]);

export function ScheduleForm({ secret, onChange }: { secret: Secret; onChange: () => void }) {
  const { t, language } = useLanguage();
  const { client } = useSession();
  const lacking = useLacking(secret.name)("update");
  const [isAutomatic, setIsAutomatic] = useState(secret.auto_rotation);
  const [period, setPeriod] = useState(secret.rotation_period ?? "30d");
  const [urn, setUrn] = useState(secret.rotation_func_urn ?? "");
  const config = secret.rotation_config === undefined ? undefined : parseRotationConfig(secret.rotation_config);
  const request = {
    secret_name: secret.name,
    auto_rotation: isAutomatic,
    ...(isAutomatic && { rotation_period: period }),
    ...(urn !== (secret.rotation_func_urn ?? "") && { rotation_func_urn: urn }),
  };
  const [seen, setSeen] = useState(secret);
  const [hasMoved, setHasMoved] = useState(false);
  const problems = useProblems(validateUpdateSecret(request, { language }));
  const { run, isRunning, error } = useAction(async () => {
    const { secret: now } = await client.showSecret({ secret_name: secret.name });
    if (scheduleOf(now) !== scheduleOf(seen)) {
      setSeen(now);
      setHasMoved(true);
      return;
    }
    await client.updateSecret(request);
    forgetDirty();
    announce(t("The schedule is saved."));
    onChange();
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    problems.showAll();
    if (problems.isClean) void run();
  };
  const isChanged =
    isAutomatic !== secret.auto_rotation ||
    (isAutomatic && period !== secret.rotation_period) ||
    urn !== (secret.rotation_func_urn ?? "");
  useDirty(isChanged);
  return (
    <form onSubmit={submit} noValidate>
      <Facts
        facts={[
          [
            t("Next rotation"),
            secret.auto_rotation ? <Time millis={secret.next_rotation_time} isExact /> : t("by hand"),
          ],
          [t("Last rotation"), <Time key="last" millis={secret.rotation_time} isExact />],
          [
            t("Accounts"),
            config?.ok && config.value.mode === "MultiUser" ? t("Two accounts in turn") : t("One account"),
          ],
          [t("Database instance"), <code key="instance">{config?.ok ? config.value.instance_id : "—"}</code>],
        ]}
      />
      <Toggle isOn={isAutomatic} onChange={setIsAutomatic}>
        {t("Rotate automatically")}
      </Toggle>
      {isAutomatic && (
        <PeriodField
          period={period}
          onChange={(text) => (setPeriod(text), problems.touch("rotation_period"))}
          problems={problems.of("rotation_period")}
          lastSuccess={secret.auto_rotation ? secret.rotation_time : undefined}
        />
      )}
      <FunctionSelect
        value={urn}
        onChange={(text) => (setUrn(text), problems.touch("rotation_func_urn"))}
        problems={problems.of("rotation_func_urn")}
      />
      {hasMoved && (
        <>
          <MovedNotice />
          <p className="hint">
            {seen.auto_rotation
              ? t("Now it rotates automatically every {period}.", { period: seen.rotation_period ?? "—" })
              : t("Now it rotates by hand.")}
          </p>
        </>
      )}
      <Failure error={error} />
      <div className="row actions">
        <Button
          kind="primary"
          type="submit"
          isPending={isRunning}
          isDisabled={!isChanged || secret.state !== "ENABLED" || lacking !== undefined}
        >
          {t("Save the schedule")}
        </Button>
        {lacking && <span className="hint">{lacking}</span>}
      </div>
    </form>
  );
}
