// Turns automatic rotation on and off, and explains the period.

import { parseRotationConfig, type Secret, validateUpdateSecret } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { judged } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { useDirty } from "../app/leaving";
import { useLacking } from "../app/rights";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { MovedNotice } from "../secret/MovedNotice";
import { useProblems } from "../secrets/useProblems";
import { Button } from "../ui/Button";
import { Facts } from "../ui/Facts";
import { Failure } from "../ui/Failure";
import { Form } from "../ui/Form";
import { Time } from "../ui/Time";
import { Toggle } from "../ui/Toggle";
import { FunctionSelect } from "./FunctionSelect";
import { PeriodField } from "./PeriodField";

/** What the form changes. */
interface Schedule {
  isAutomatic: boolean;
  period: string;
  urn: string;
}

const scheduleOf = ({ auto_rotation, rotation_period = "30d", rotation_func_urn = "" }: Secret): Schedule => ({
  isAutomatic: auto_rotation,
  period: rotation_period,
  urn: rotation_func_urn,
});

/** Whether two are the same; without automatic rotation there is no period. */
const isSame = (one: Schedule, other: Schedule) =>
  one.isAutomatic === other.isAutomatic && (!one.isAutomatic || one.period === other.period) && one.urn === other.urn;

export function ScheduleForm({ secret, onChange }: { secret: Secret; onChange: () => void }) {
  const { t, language } = useLanguage();
  const { client } = useSession();
  const lacking = useLacking(secret.name)("update");
  const stored = scheduleOf(secret);
  const [schedule, setSchedule] = useState(stored);
  /** What the person knows to be stored. */
  const [seen, setSeen] = useState(stored);
  const [hasMoved, setHasMoved] = useState(false);
  /** What was saved last; the secret is read again only then. */
  const [saved, setSaved] = useState<Schedule>();
  const [former, setFormer] = useState(stored);
  if (!isSame(stored, former)) {
    // The secret was read again. Where something is typed, that stays; where not, or after saving, this is the beginning.
    setFormer(stored);
    if (isSame(schedule, former) || isSame(schedule, stored)) {
      setSchedule(stored);
      setSeen(stored);
      setHasMoved(false);
    }
  }
  const { isAutomatic, period, urn } = schedule;
  const change = (changed: Partial<Schedule>) => setSchedule((before) => ({ ...before, ...changed }));
  const config = secret.rotation_config === undefined ? undefined : parseRotationConfig(secret.rotation_config);
  const request = {
    secret_name: secret.name,
    auto_rotation: isAutomatic,
    ...(isAutomatic && { rotation_period: period }),
    ...(urn !== (secret.rotation_func_urn ?? "") && { rotation_func_urn: urn }),
  };
  const problems = useProblems(judged(request, (each) => validateUpdateSecret(each, { language })));
  const { run, isRunning, error } = useAction(async () => {
    const { secret: now } = await client.showSecret({ secret_name: secret.name });
    if (!isSame(scheduleOf(now), seen)) {
      setSeen(scheduleOf(now));
      setHasMoved(true);
      return;
    }
    await client.updateSecret(request);
    setSaved(schedule);
    announce(t("The schedule is saved."));
    onChange();
  });
  const submit = () => {
    problems.showAll();
    if (problems.isClean) void run();
  };
  const isChanged = !isSame(schedule, stored);
  useDirty(isChanged && !(saved && isSame(schedule, saved)));
  return (
    <Form onSubmit={submit} isBusy={isRunning} noValidate>
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
      <Toggle isOn={isAutomatic} onChange={(isOn) => change({ isAutomatic: isOn })}>
        {t("Rotate automatically")}
      </Toggle>
      {isAutomatic && (
        <PeriodField
          period={period}
          onChange={(text) => (change({ period: text }), problems.touch("rotation_period"))}
          problems={problems.of("rotation_period")}
          next={secret.auto_rotation && period === stored.period ? secret.next_rotation_time : undefined}
          lastSuccess={secret.auto_rotation ? secret.rotation_time : undefined}
        />
      )}
      <FunctionSelect
        value={urn}
        onChange={(text) => (change({ urn: text }), problems.touch("rotation_func_urn"))}
        problems={problems.of("rotation_func_urn")}
      />
      {hasMoved && (
        <>
          <MovedNotice />
          <p className="hint">
            {seen.isAutomatic
              ? t("Now it rotates automatically every {period}.", { period: seen.period })
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
    </Form>
  );
}
