// One of a few, all in view.

import { useId } from "react";
import { Label, Radio, RadioGroup } from "react-aria-components";

interface Props<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string; hint?: string }[];
  onChange: (value: T) => void;
  isLabelHidden?: boolean;
  isDisabled?: boolean;
}

export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
  isLabelHidden = false,
  isDisabled = false,
}: Props<T>) {
  const id = useId();
  const hasHints = options.some((option) => option.hint);
  return (
    <RadioGroup
      className="field choice"
      value={value}
      isDisabled={isDisabled}
      onChange={(chosen) => onChange(chosen as T)}
      orientation={hasHints ? "vertical" : "horizontal"}
    >
      <Label className={isLabelHidden ? "visually-hidden" : "label"}>{label}</Label>
      <div className={hasHints ? "cards" : "segments"}>
        {options.map((option) => (
          // The hint describes, and is no part of the name.
          <Radio
            key={option.value}
            value={option.value}
            className={hasHints ? "card" : "segment"}
            {...(option.hint && { "aria-label": option.label, "aria-describedby": `${id}-${option.value}` })}
          >
            <span className="card-title">{option.label}</span>
            {option.hint && (
              <span id={`${id}-${option.value}`} className="hint">
                {option.hint}
              </span>
            )}
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}
