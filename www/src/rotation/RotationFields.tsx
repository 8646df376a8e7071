// How a database secret rotates: function, instance, mode, period.

import { useLanguage } from "../app/language";
import { Choice } from "../ui/Choice";
import { Field } from "../ui/Field";
import { Toggle } from "../ui/Toggle";
import { FunctionSelect } from "./FunctionSelect";
import { PeriodField } from "./PeriodField";

export interface RotationDraft {
  functionUrn: string;
  instance: string;
  mode: "SingleUser" | "MultiUser";
  isAutomatic: boolean;
  period: string;
}

export const NO_ROTATION: RotationDraft = {
  functionUrn: "",
  instance: "local",
  mode: "SingleUser",
  isAutomatic: false,
  period: "30d",
};

interface Props {
  draft: RotationDraft;
  onChange: (change: Partial<RotationDraft>) => void;
  /** Problems by the name of the request's field. */
  problemsOf: (path: string) => string[];
  /** Instance and mode are fixed once the secret exists. */
  isNew: boolean;
}

export function RotationFields({ draft, onChange, problemsOf, isNew }: Props) {
  const { t } = useLanguage();
  return (
    <fieldset>
      <legend>{t("Rotation")}</legend>
      {isNew && (
        <>
          <Choice<RotationDraft["mode"]>
            label={t("Accounts")}
            value={draft.mode}
            onChange={(mode) => onChange({ mode })}
            options={[
              {
                value: "SingleUser",
                label: t("One account"),
                hint: t("It gets a new password. Programs that hold the old one must read again."),
              },
              {
                value: "MultiUser",
                label: t("Two accounts in turn"),
                hint: t("The other account becomes current; the former one keeps working until the next rotation."),
              },
            ]}
          />
          <Field
            label={t("Database instance")}
            isCode
            value={draft.instance}
            onChange={(instance) => onChange({ instance })}
            problems={problemsOf("rotation_config")}
            hint={t("Its identifier, such as the one of an RDS instance; any word for a database without one.")}
          />
        </>
      )}
      <FunctionSelect
        value={draft.functionUrn}
        onChange={(functionUrn) => onChange({ functionUrn })}
        problems={problemsOf("rotation_func_urn")}
      />
      <Toggle isOn={draft.isAutomatic} onChange={(isAutomatic) => onChange({ isAutomatic })}>
        {t("Rotate automatically")}
      </Toggle>
      {draft.isAutomatic && (
        <PeriodField
          period={draft.period}
          onChange={(period) => onChange({ period })}
          problems={[...problemsOf("auto_rotation"), ...problemsOf("rotation_period")]}
        />
      )}
    </fieldset>
  );
}
