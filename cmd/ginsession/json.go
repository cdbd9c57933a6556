package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"time"
)

// registerJSON adds --json, whose fields the command's help lists.
func registerJSON(flags *flag.FlagSet) *bool {
	return flags.Bool("json", false, "print one JSON object, for programs")
}

// printJSON prints v, indented and in ASCII.
func (e *environment) printJSON(v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(e.stdout, escape(b.String()))
	return err
}

// instant returns a date in UTC, which JSON has in the form of RFC 3339, or nil for none.
func instant(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}
