// The whole console: signed out, or a page with its frame.

import { useState } from "react";

import { Frame } from "./Frame";
import { LanguageProvider } from "./language";
import { SignInPage } from "./SignInPage";
import { type Session, SessionContext } from "./session";

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  return (
    <LanguageProvider>
      {session ? (
        // Another project is another client: nothing of the former one may stay.
        <SessionContext key={session.project.id} value={session}>
          <Frame onEnter={setSession} onSignOut={() => setSession(null)} />
        </SessionContext>
      ) : (
        <SignInPage onSignIn={setSession} />
      )}
    </LanguageProvider>
  );
}
