package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
)

var versionCommand = command{
	name:    "version",
	summary: "print the version of this program",
	text: `Prints the version of ginsession that this program was built from, the revision
of its repository if the program was built in one, and the version of Go.`,
	examples: "  ginsession version\n",
	prepare:  func(*flag.FlagSet) action { return printVersion },
}

func printVersion(_ context.Context, e *environment, _ []string) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program was built without information about its version")
	}
	_, err := io.WriteString(e.stdout, versionOf(info))
	return err
}

func versionOf(info *debug.BuildInfo) string {
	text := fmt.Sprintf("ginsession %s\n", cmp.Or(info.Main.Version, "(devel)"))
	if revision := setting(info, "vcs.revision"); revision != "" {
		if setting(info, "vcs.modified") == "true" {
			revision += ", modified"
		}
		text += fmt.Sprintf("revision  %s\n", revision)
	}
	return text + fmt.Sprintf("go        %s\n", info.GoVersion)
}

// setting returns a setting of the build, or "" if there is none.
func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
