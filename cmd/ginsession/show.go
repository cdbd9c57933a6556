package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
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
of the session cookie. "-" reads it from standard input, which keeps it out of
the list of processes and of the shell's history: whoever has the key is signed
in as that visitor.`,
	examples: `  ginsession show --dsn sqlite:app.db -          (then type or paste the key)
  ginsession show --table django_session - < key.txt
`,
	prepare: prepareShow,
}

func prepareShow(flags *flag.FlagSet) action {
	var f siteFlags
	f.register(flags)
	f.keys.register(flags)
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
		return s.show(ctx, e, key)
	}
}

// readKey returns the argument, or for "-" the first line of stdin.
func readKey(argument string, stdin io.Reader) (string, error) {
	if argument != "-" {
		return argument, nil
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, 4096)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("reading the key from standard input: %w", err)
	}
	return strings.TrimSpace(line), nil
}

func (s *site) show(ctx context.Context, e *environment, key string) error {
	exists, err := s.manager.Exists(ctx, key)
	if err != nil {
		return err
	}
	if !exists {
		return trouble("It has ended or expired, or belongs to another --table or database.\n"+
			"KEY is the cookie's value, not the table's session_key, unless --hash-keys is off.",
			"no live session of the table %s has this key", s.table.name)
	}
	session := s.manager.Open(ctx, key)
	if err := session.Load(); err != nil {
		return err
	}
	if session.Key() == "" {
		return trouble("Records that are signed need the SECRET_KEY they were signed with, in the environment;\n"+
			"unsigned ones are refused while it is set: --secret-key-env= reads them.\n"+
			"A site with a session class of its own needs its --salt.",
			"the session is there, but its record cannot be verified or decoded")
	}
	expires, err := s.table.expiry(s.storeKey(key))
	if err != nil {
		return fmt.Errorf("reading when the session expires: %w", err)
	}
	_, err = fmt.Fprintf(e.stdout, "expires  %s\n%s\n", moment(expires, time.Now()), asJSON(session))
	return err
}

// storeKey is the session_key of a cookie's key: with HashKeys on, the digest that the
// framework stores.
func (s *site) storeKey(key string) string {
	if !s.hashed {
		return key
	}
	sum := sha256.Sum256([]byte("ginsession" + key))
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum[:25]))
}

// asJSON writes the session's data, the values as they are stored. It is ASCII, so that no
// session can write to the terminal what that takes for a command.
func asJSON(s *ginsession.Session) string {
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
	var indented bytes.Buffer
	if err := json.Indent(&indented, b.Bytes(), "", "  "); err != nil {
		indented = b // Python's NaN and Infinity are not JSON
	}
	return escape(indented.String())
}

// escape writes what is not printable ASCII as JSON escapes it.
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
