package django_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// A siteConfig is what the site's settings leave to the tests, by the names that
// site/shop/settings.py has for it.
type siteConfig struct {
	SecretKey       string         `json:"secret_key"`
	Fallbacks       []string       `json:"fallbacks,omitempty"`
	Database        map[string]any `json:"database"`
	UseTZ           bool           `json:"use_tz"`
	TimeZone        string         `json:"time_zone"`
	SessionEngine   string         `json:"session_engine"`
	SessionFilePath string         `json:"session_file_path"`
	FakeInitial     bool           `json:"fake_initial"` // how to migrate
}

// A site is a running Django site, see site/peer.py.
type site struct {
	siteConfig
	db      *gorm.DB // the site's own database
	url     string
	version [2]int

	python string
	in     io.Writer
	out    *bufio.Scanner
}

// startSite starts a Django site, which ends with the test.
func startSite(t *testing.T, config siteConfig, db *gorm.DB) *site {
	t.Helper()
	s := &site{siteConfig: config, db: db, python: findDjango(t)}
	cmd := s.command(t, "peer.py")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		_ = in.Close()
		_ = cmd.Wait()
	}
	s.in, s.out = in, bufio.NewScanner(out)
	s.out.Buffer(nil, 16<<20)
	if !s.out.Scan() {
		stop()
		if noDriver.Match(stderr.Bytes()) {
			missing(t, "%s has no driver for the database that this Django can use: %s", s.python, noDriver.Find(stderr.Bytes()))
		}
		t.Fatalf("Django did not start:\n%s", &stderr)
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("what Django said:\n%s", &stderr)
		}
	})

	var hello struct {
		Port    int
		Version [2]int
	}
	s.decode(t, &hello)
	s.url = fmt.Sprintf("http://127.0.0.1:%d", hello.Port)
	s.version = hello.Version
	return s
}

// noDriver is what Django says where a database's driver is missing or too old.
var noDriver = regexp.MustCompile(`ImproperlyConfigured: (Error loading .* module|.* or newer is required).*`)

// command is one of the site's programs.
func (s *site) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	settings, err := json.Marshal(s.siteConfig)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(s.python, args...)
	cmd.Dir = "site"
	cmd.Env = append(os.Environ(), "SITE="+string(settings), "PYTHONDONTWRITEBYTECODE=1")
	return cmd
}

// manage runs manage.py.
func (s *site) manage(t *testing.T, args ...string) {
	t.Helper()
	if output, err := s.command(t, append([]string{"manage.py"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("manage.py %v: %v\n%s", args, err, output)
	}
}

// ask has the site do something, op of peer.py, and decodes its answer.
func (s *site) ask(t *testing.T, op string, question map[string]any, answer any) {
	t.Helper()
	line := map[string]any{"op": op}
	maps.Copy(line, question)
	if err := json.NewEncoder(s.in).Encode(line); err != nil {
		t.Fatal(err)
	}
	if !s.out.Scan() {
		t.Fatalf("Django has ended at %s: %v", op, s.out.Err())
	}
	if answer != nil {
		s.decode(t, answer)
	}
}

func (s *site) decode(t *testing.T, answer any) {
	t.Helper()
	if err := json.Unmarshal(s.out.Bytes(), answer); err != nil {
		t.Fatal(err)
	}
}

// before41 reports whether this Django cannot have dates in its sessions.
func (s *site) before41() bool { return s.version[0] < 4 || s.version == [2]int{4, 0} }

// sessionConfig is what a Gin program beside this site uses.
func (s *site) sessionConfig(t *testing.T) ginsession.Config {
	t.Helper()
	options := ginsession.DjangoOptions{SecretKey: s.SecretKey, Fallbacks: s.Fallbacks, Before41: s.before41()}
	if !s.UseTZ {
		location, err := time.LoadLocation(s.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		options.Location = location
	}
	return ginsession.ForDjango(s.db, options)
}

func findDjango(t *testing.T) string {
	t.Helper()
	for _, python := range []string{os.Getenv("PYTHON"), "/usr/bin/python3", "python3"} {
		if python != "" && exec.Command(python, "-c", "import django").Run() == nil {
			return python
		}
	}
	missing(t, "no Python with Django: run the tests with make test, or install python3-django")
	return ""
}

// missing skips a test for want of something outside the module, and fails it in CI.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	reason := fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip("SKIPPED: " + reason)
}
