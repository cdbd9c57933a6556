package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	for _, word := range []string{"version", "--version"} {
		got := ginsessionCommand(t, nil, "", word)
		got.wantSuccess(t)
		if !strings.HasPrefix(got.stdout, "ginsession ") || !strings.Contains(got.stdout, "\ngo        go1.") {
			t.Errorf("%s: stdout:\n%s", word, got.stdout)
		}
	}
}

func TestVersionOfABuild(t *testing.T) {
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123abc"}
	modified := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for _, test := range []struct {
		name     string
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"released", "v1.2.3", nil, "ginsession v1.2.3\ngo        go1.25.0\n"},
		{"from a repository", "v1.2.4-0.2026", []debug.BuildSetting{revision}, "ginsession v1.2.4-0.2026\nrevision  0123abc\ngo        go1.25.0\n"},
		{"from a changed repository", "(devel)", []debug.BuildSetting{revision, modified}, "ginsession (devel)\nrevision  0123abc, modified\ngo        go1.25.0\n"},
		{"without a version", "", nil, "ginsession (devel)\ngo        go1.25.0\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			info := &debug.BuildInfo{GoVersion: "go1.25.0", Main: debug.Module{Version: test.version}, Settings: test.settings}
			if got := versionOf(info); got != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}
