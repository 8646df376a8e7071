// When a shown value is hidden again, and the way to keep it.

import { useLanguage } from "../app/language";
import { Button } from "../ui/Button";
import type { Reveal } from "./useReveal";

type Props = Pick<Reveal<unknown>, "isKept" | "keep" | "secondsLeft">;

export function HiddenAgain({ isKept, keep, secondsLeft }: Props) {
  const { t, duration } = useLanguage();
  return (
    <>
      {!isKept && (
        <Button kind="quiet" onPress={keep}>
          {t("Keep open")}
        </Button>
      )}
      <span className="hint">
        {isKept
          ? t("Hidden again in {time}.", { time: duration(secondsLeft) })
          : t("Hidden again in {seconds} s. It stays while you work with it.", { seconds: secondsLeft })}
      </span>
    </>
  );
}
