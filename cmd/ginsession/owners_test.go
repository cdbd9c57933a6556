package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
)

// signIn returns the ID of a session that owner has signed in to.
func signIn(t *testing.T, m *ginsession.Manager, owner string) string {
	t.Helper()
	s := m.Open(t.Context(), "")
	if err := s.SignIn(owner); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	return s.ID()
}

func TestSessionsAndEnd(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		m := tt.manager(t, func(cfg *ginsession.Config) { cfg.CookieName, cfg.CookieSecure = "__Host-shop", true })
		run := func(command string, more ...string) result {
			return ginsessionCommand(t, nil, "", tt.args(command, append([]string{"--cookie-name=__Host-shop"}, more...)...)...)
		}
		run("sessions", "--owner=al").want(t, 0, "There are no live sessions of this owner.\n", "")
		ids := []string{signIn(t, m, "al"), signIn(t, m, "al"), signIn(t, m, "al")}
		other := signIn(t, m, "bo")

		got := run("sessions", "--owner=al", "--json")
		got.wantSuccess(t)
		var list struct {
			Sessions []struct {
				ID, Expires string
				SignedIn    string `json:"signed_in"`
			}
		}
		if err := json.Unmarshal([]byte(got.stdout), &list); err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, s := range list.Sessions {
			found = append(found, s.ID)
			if s.SignedIn == "" || s.Expires <= s.SignedIn {
				t.Errorf("a session: %+v", s)
			}
		}
		if slices.Sort(found); !slices.Equal(found, slices.Sorted(slices.Values(ids))) {
			t.Errorf("sessions: %v, want %v", found, ids)
		}
		table := run("sessions", "--owner=al")
		if !regexp.MustCompile(`^ID +signed in +expires\n([0-9a-v]{40}  [-0-9: ]+ UTC  [-0-9: ]+ UTC\n){3}$`).MatchString(table.stdout) {
			t.Errorf("the table:\n%s%s", table.stdout, table.stderr)
		}

		run("end", "--id", ids[0]).want(t, 0, "1 session ended.\n", "")
		if again := run("end", "--id", ids[0]); again.status != 1 || !strings.Contains(again.stderr, "has this ID") {
			t.Errorf("an ID that has ended: %+v", again)
		}
		run("end", "--owner=al", "--except", ids[1], "--json").want(t, 0, "{\n  \"ended\": 1\n}\n", "")
		run("end", "--owner=al").want(t, 0, "1 session ended.\n", "")
		run("end", "--owner=al").want(t, 0, "0 sessions ended.\n", "")
		if ended, err := m.EndSession(t.Context(), other); !ended || err != nil {
			t.Errorf("another owner's session: %t, %v", ended, err)
		}
	})
}

func TestSessionsMisused(t *testing.T) {
	dsn := sqliteDSN(t)
	ginsessionCommand(t, nil, "", "migrate", "--dsn", dsn).wantSuccess(t)
	for command, want := range map[string]string{
		"sessions":                           "sessions of whom?",
		"end":                                "either an owner or an ID",
		"end --owner al --id 0123":           "either an owner or an ID",
		"end --id 0123 --except 4567":        "--except has no effect",
		"sessions --owner al --hash-keys=on": "no live sessions",
		"end --id 0123 --hash-keys=off":      "needs HashKeys",
	} {
		got := ginsessionCommand(t, nil, "", append(strings.Fields(command), "--dsn", dsn)...)
		if !strings.Contains(got.stdout+got.stderr, want) {
			t.Errorf("%s: %+v, want %q", command, got, want)
		}
	}
	got := ginsessionCommand(t, []string{"SECRET_KEY=" + strings.Repeat("s", 50)}, "", "sessions", "--owner=al", "--engine=signed_cookies")
	if got.status != 2 || !strings.Contains(got.stderr, "Engines that can: db, file, cache, cached_db.") {
		t.Errorf("signed cookies: %+v", got)
	}
}

// A session that the command cannot read is no session that has ended.
func TestSessionsThatCannotBeRead(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		m := tt.manager(t, func(cfg *ginsession.Config) { cfg.SecretKey = strings.Repeat("s", 50) })
		signIn(t, m, "al")
		for _, command := range []string{"sessions", "end"} {
			got := ginsessionCommand(t, nil, "", tt.args(command, "--owner=al")...)
			if got.status != 1 || !strings.Contains(got.stderr, "1 record of this owner cannot be verified") {
				t.Errorf("%s: %+v", command, got)
			}
		}
		ginsessionCommand(t, []string{"SECRET_KEY=" + strings.Repeat("s", 50)}, "", tt.args("end", "--owner=al")...).want(t, 0, "1 session ended.\n", "")
	})
}
