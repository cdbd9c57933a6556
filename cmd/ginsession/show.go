package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/ginsession/ginsession"
)

var showCommand = command{
	name:      "show",
	arguments: "KEY",
	summary:   "print one session by its cookie's key",
	text: `Prints a live session: when it expires, and its data as JSON. KEY is the value
of the session cookie; "-" reads it from standard input. Prefer that: other
users can read command lines in the list of processes, and whoever has the key
is signed in as that visitor.

With --engine=signed_cookies the cookie's value is the session itself.

The fields of --json:
  expires  when the session expires (RFC 3339, UTC)
  data     an object, the session's values by their names`,
	examples: `  ginsession show --dsn sqlite:app.db -          (then type or paste the key)
  ginsession show --table django_session - < key.txt
  CACHE_URL=redis://cache:6379 ginsession show --engine cache - < key.txt
`,
	prepare: prepareShow,
}

func prepareShow(flags *flag.FlagSet) action {
	var f siteFlags
	f.register(flags)
	f.keys.registerHash(flags)
	asJSON := registerJSON(flags)
	return func(ctx context.Context, e *environment, args []string) error {
		if len(args) != 1 {
			return misuse(`Write "ginsession show KEY", or "ginsession show -" to read the key from standard input.`, "show takes one key")
		}
		key, err := readKey(args[0], e.stdin)
		if err != nil {
			return err
		}
		s, err := f.open(ctx, e)
		if err != nil {
			return err
		}
		defer s.close()
		return s.show(ctx, e, key, *asJSON)
	}
}

// maxKey is in bytes. Browsers keep cookies of up to 4096.
const maxKey = 8192

// readKey returns the argument, or the first line of stdin if the argument is "-".
func readKey(argument string, stdin io.Reader) (string, error) {
	if argument != "-" {
		return argument, nil
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, maxKey)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("reading the key from standard input: %w", err)
	}
	return strings.TrimSpace(line), nil
}

func (s *site) show(ctx context.Context, e *environment, key string, asJSON bool) error {
	if err := s.find(ctx, key); err != nil {
		return err
	}
	session := s.manager.Open(ctx, key)
	if err := session.Load(); err != nil {
		return err
	}
	if session.Key() == "" {
		return s.unverified()
	}
	if asJSON {
		return showJSON(e, session)
	}
	_, err := fmt.Fprintf(e.stdout, "expires  %s\n%s\n", moment(session.StoredUntil(), time.Now()), readable(document(session)))
	return err
}

func showJSON(e *environment, session *ginsession.Session) error {
	data := document(session)
	if !json.Valid(data) {
		return trouble("Show it without --json.", "the session holds a number that JSON does not have, such as Python's NaN")
	}
	return e.printJSON(struct {
		Expires *time.Time      `json:"expires"`
		Data    json.RawMessage `json:"data"`
	}{instant(session.StoredUntil()), data})
}

// find returns an error if the session does not exist, as opposed to one that exists and cannot
// be read. A signed cookie is not looked up: it is the session.
func (s *site) find(ctx context.Context, key string) error {
	if s.engine.name == signedCookiesEngine {
		return nil
	}
	exists, err := s.manager.Exists(ctx, key)
	if err == nil && !exists {
		err = trouble(s.hint, "no live session of %s has this key", s.place)
	}
	return err
}

const rotated = "If the key has been changed since, give the one before with --secret-key-fallback-env."

func (s *site) unverified() error {
	if s.engine.name == signedCookiesEngine {
		return trouble("SECRET_KEY, --cookie-age and --salt must be those of the site.\n"+rotated,
			"the cookie has expired, or cannot be verified or decoded")
	}
	return trouble("Signed records need the SECRET_KEY they were signed with, in the environment.\n"+
		"Unsigned ones are refused while it is set: --secret-key-env= reads them.\n"+
		"If the site sets Config.Salt, --salt must be the same.\n"+rotated,
		"the session exists, but its record cannot be verified or decoded")
}

// document returns the session's data as one object, with the values as they are stored.
func document(s *ginsession.Session) []byte {
	var b bytes.Buffer
	b.WriteString("{")
	for i, key := range s.Keys() {
		if i > 0 {
			b.WriteString(",")
		}
		name, _ := json.Marshal(key)
		value, _ := ginsession.Value[json.RawMessage](s, key)
		fmt.Fprintf(&b, "%s:%s", name, value)
	}
	b.WriteString("}")
	return b.Bytes()
}

// readable indents a document, if it is JSON: Python's NaN and Infinity are not. The text is
// ASCII, so that no session can send a command to the terminal.
func readable(document []byte) string {
	var indented bytes.Buffer
	if err := json.Indent(&indented, document, "", "  "); err != nil {
		return escape(string(document))
	}
	return escape(indented.String())
}

// escape replaces all but printable ASCII and line feeds by JSON's escapes.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= ' ' && r < 0x7f, r == '\n':
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
