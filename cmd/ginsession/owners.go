package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/ginsession/ginsession"
)

var sessionsCommand = command{
	name:    "sessions",
	summary: "list the sessions that a user has signed in to",
	text: `Lists the live sessions of one owner, the newest sign-in first: the ID of
each, as Session.ID returns it, when its owner signed in, and when it expires.
Keys are not shown: whoever has one is signed in as that user.

--owner is what the site gives to Session.SignIn. --cookie-name must be that of
the site: other sites that share the store may have users of the same name.

The fields of --json, an object with the list "sessions" of objects:
  id         the session's ID
  signed_in  when its owner signed in (RFC 3339, UTC)
  expires    when the session expires (RFC 3339, UTC)`,
	examples: `  ginsession sessions --owner 42 --dsn sqlite:app.db
  ginsession sessions --owner 42 --engine cache --cache redis://cache --json
`,
	prepare: prepareSessions,
}

var endCommand = command{
	name:    "end",
	summary: "end the sessions of a user, or one session by its ID",
	text: `Signs a user out: ends all live sessions of an owner, except those whose IDs
are given by --except, or the one session that has the ID. No request that is
running meanwhile brings one back.

If the site uses CachedDB, give the cache as well (--engine=cached_db): its
copies must go too.

The field of --json:
  ended  how many sessions were ended`,
	examples: `  ginsession end --owner 42 --dsn sqlite:app.db
  ginsession end --owner 42 --except 0123456789abcdefghijklmnopqrstuv01234567
  ginsession end --id 0123456789abcdefghijklmnopqrstuv01234567
`,
	prepare: prepareEnd,
}

func prepareSessions(flags *flag.FlagSet) action {
	var f siteFlags
	f.register(flags)
	f.keys.registerHash(flags)
	owner := flags.String("owner", "", "the `owner` of the sessions")
	asJSON := registerJSON(flags)
	return func(ctx context.Context, e *environment, _ []string) error {
		if *owner == "" {
			return misuse(`Write "ginsession sessions --owner OWNER".`, "sessions of whom?")
		}
		s, err := f.open(ctx, e)
		if err != nil {
			return err
		}
		defer s.close()
		sessions, err := s.manager.SessionsOf(ctx, *owner)
		if err = s.ofOwners(err); err != nil {
			return err
		}
		return printSessions(e, sessions, *asJSON)
	}
}

// A listedSession is one session of --json.
type listedSession struct {
	ID       string     `json:"id"`
	SignedIn *time.Time `json:"signed_in"`
	Expires  *time.Time `json:"expires"`
}

func printSessions(e *environment, sessions []*ginsession.Session, asJSON bool) error {
	list := make([]listedSession, 0, len(sessions))
	for _, s := range sessions {
		list = append(list, listedSession{s.ID(), instant(s.SignedInAt()), instant(s.StoredUntil())})
	}
	if asJSON {
		return e.printJSON(map[string]any{"sessions": list})
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(e.stdout, "There are no live sessions of this owner.")
		return err
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tsigned in\texpires")
	for _, s := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.ID, listed(s.SignedIn), listed(s.Expires))
	}
	return table.Flush()
}

// listed returns a date for a table.
func listed(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.Format(time.DateTime + " UTC")
}

func prepareEnd(flags *flag.FlagSet) action {
	var f siteFlags
	f.register(flags)
	f.keys.registerHash(flags)
	owner := flags.String("owner", "", "end the sessions of this `owner`")
	id := flags.String("id", "", "end the session that has this `ID`")
	var except []string
	flags.Func("except", "with --owner: not the session that has this `ID`; may be\ngiven several times", func(id string) error {
		except = append(except, id)
		return nil
	})
	asJSON := registerJSON(flags)
	return func(ctx context.Context, e *environment, _ []string) error {
		switch {
		case (*owner == "") == (*id == ""):
			return misuse(`Write "ginsession end --owner OWNER" or "ginsession end --id ID".`, "end takes either an owner or an ID")
		case *id != "" && len(except) > 0:
			return misuse("", "--except has no effect with --id")
		}
		s, err := f.open(ctx, e)
		if err != nil {
			return err
		}
		defer s.close()
		ended, err := s.end(ctx, *owner, *id, except)
		if err = s.ofOwners(err); err != nil {
			return err
		}
		if *asJSON {
			return e.printJSON(map[string]int64{"ended": ended})
		}
		_, err = fmt.Fprintf(e.stdout, "%s ended.\n", count(ended, "session"))
		return err
	}
}

func (s *site) end(ctx context.Context, owner, id string, except []string) (int64, error) {
	if owner != "" {
		return s.manager.EndSessionsOf(ctx, owner, except...)
	}
	ended, err := s.manager.EndSession(ctx, id)
	if err == nil && !ended {
		return 0, trouble("It has ended or expired already, or --cookie-name or the engine's flags are not those of the site.", "no session of %s has this ID", s.place)
	}
	return 1, err
}

// refusedRecords is a log handler that counts the records which the library could not verify or decode.
// It passes nothing on: errors are returned as well.
type refusedRecords struct {
	slog.Handler
	records atomic.Int64
}

func (r *refusedRecords) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

func (r *refusedRecords) Handle(_ context.Context, record slog.Record) error {
	if strings.Contains(record.Message, "record was refused") {
		r.records.Add(1)
	}
	return nil
}

// ofOwners explains the library's errors to who gave the command. A record that cannot be read may be
// the owner's, so nobody must take it for ended.
func (s *site) ofOwners(err error) error {
	if n := s.refused.records.Load(); err == nil && n > 0 {
		return trouble("The secrets must be those of the site; encrypted sessions can only be ended by the site itself.\n"+rotated,
			"%s of this owner cannot be verified or decoded, and so cannot be listed or ended", count(n, "record"))
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	able := slices.DeleteFunc(engineNames(), func(name string) bool { return name == signedCookiesEngine })
	return &problem{err: err, next: "Engines that can: " + strings.Join(able, ", ") + ".", usage: true}
}
