// That nobody can say which rotations have failed, because the tasks cannot be read, and why.

import { isForbidden } from "../app/forbidden";
import { useLanguage } from "../app/language";
import { Failure } from "../ui/Failure";
import type { LastTasks } from "./useLastTasks";

export function FailuresUnknown({ tasks: { error, reload } }: { tasks: LastTasks }) {
  const { t } = useLanguage();
  if (error === undefined) return null;
  return (
    <>
      <p>
        {t("It is not known which rotations have failed.")} {isForbidden(error) && t("You may not list rotations.")}
      </p>
      {!isForbidden(error) && <Failure error={error} onRetry={reload} />}
    </>
  );
}
