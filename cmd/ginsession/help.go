package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// help prints the help of the command that args[0] names, or the overview if args is empty.
func help(e *environment, args []string) error {
	text := overview()
	if len(args) > 0 {
		c, err := find(args[0])
		if err != nil {
			return err
		}
		text = c.help()
	}
	_, err := io.WriteString(e.stdout, text)
	return err
}

func overview() string {
	var list strings.Builder
	for _, c := range commands() {
		fmt.Fprintf(&list, "  %-14s %s\n", c.name, c.summary)
	}
	return `Usage: ginsession COMMAND [flags]

ginsession maintains the sessions of a site.

Commands:
` + list.String() + `  help           explain a command

Databases, for --dsn or better in the environment variable DATABASE_URL,
because every user of the machine can read command lines:
  sqlite:app.db
  postgres://user:password@host:5432/database
  mysql://user:password@host:3306/database       (MariaDB too)
Special characters in a password are percent-encoded: %40 for @, %2F for /.

Engines, for --engine, and what they need:
  db              --dsn --table --cookie-name
  file            --dir --cookie-name --cookie-age
  cache           --cache --cookie-name
  cached_db       --dsn --table --cache --cookie-name
  signed_cookies  the environment variable SECRET_KEY, --cookie-age

Caches, for --cache or better in the environment variable CACHE_URL:
  redis://user:password@host:6379/0              (rediss: with TLS)
  memcached://host:11211                         (more after commas)

Exit status: 0 done, 1 failed, 2 wrong command line or setting, 130 interrupted.

Run "ginsession help COMMAND" for its flags and for examples.
`
}

func (c command) help() string {
	flags := c.flags()
	c.prepare(flags)
	usage, list := "ginsession "+c.name, describe(flags)
	if list != "" {
		usage, list = usage+" [flags]", "Flags:\n"+list+"\n"
	}
	if c.arguments != "" {
		usage += " " + c.arguments
	}
	return "Usage: " + usage + "\n\n" + c.text + "\n\n" + list + "Examples:\n" + c.examples
}

func (c command) seeHelp() string {
	return fmt.Sprintf("Run %q for its flags and for examples.", "ginsession help "+c.name)
}

// describe returns the list of the flags, each with the name of its value, its meaning and its
// default.
func describe(flags *flag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  %s\n", strings.TrimSpace("--"+f.Name+" "+value))
		if f.DefValue != "" && f.DefValue != "false" {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		for line := range strings.Lines(usage) {
			fmt.Fprintf(&b, "        %s\n", strings.TrimSpace(line))
		}
	})
	return b.String()
}
