package django_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

const secretKey = "a secret key of both programs, é and all"

// A siteConfig is what the site's settings leave to the tests, by the names in
// site/shop/settings.py.
type siteConfig struct {
	SecretKey       string         `json:"secret_key"`
	Fallbacks       []string       `json:"fallbacks"`
	Database        map[string]any `json:"database"`
	UseTZ           bool           `json:"use_tz"`
	TimeZone        string         `json:"time_zone"`
	SessionEngine   string         `json:"session_engine"`
	SessionFilePath string         `json:"session_file_path"`
}

// A site is a running Django site, see site/peer.py.
type site struct {
	siteConfig
	db      *gorm.DB // the site's own database
	url     string
	version [2]int

	python string
	env    []string
	in     io.Writer
	out    *bufio.Scanner
}

// startSite starts a Django site, which ends with the test.
func startSite(t *testing.T, config siteConfig, db *gorm.DB) *site {
	t.Helper()
	s := &site{siteConfig: config, db: db, python: findDjango(t)}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	s.env = append(os.Environ(), "SITE="+string(text), "PYTHONWARNINGS=ignore", "PYTHONDONTWRITEBYTECODE=1")

	cmd := s.command("peer.py")
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
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("Django ended (%v) and had said:\n%s", err, &stderr)
		}
	})
	s.in, s.out = in, bufio.NewScanner(out)
	s.out.Buffer(nil, 16<<20)

	var hello struct {
		Port    int
		Version [2]int
	}
	s.read(t, &hello)
	s.url = fmt.Sprintf("http://127.0.0.1:%d", hello.Port)
	s.version = hello.Version
	return s
}

// command runs a program of the site, such as manage.py.
func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.python, args...)
	cmd.Dir = "site"
	cmd.Env = s.env
	return cmd
}

// ask has the site do something and decodes its answer.
func (s *site) ask(t *testing.T, op string, question map[string]any, answer any) {
	t.Helper()
	line := map[string]any{"op": op}
	for key, value := range question {
		line[key] = value
	}
	if err := json.NewEncoder(s.in).Encode(line); err != nil {
		t.Fatal(err)
	}
	s.read(t, answer)
}

func (s *site) read(t *testing.T, answer any) {
	t.Helper()
	if !s.out.Scan() {
		t.Fatalf("Django has ended: %v", s.out.Err())
	}
	if err := json.Unmarshal(s.out.Bytes(), answer); err != nil {
		t.Fatal(err)
	}
}

// sessionConfig is what a Gin program beside this site uses.
func (s *site) sessionConfig(t *testing.T) ginsession.Config {
	t.Helper()
	options := ginsession.DjangoOptions{
		SecretKey: s.SecretKey,
		Fallbacks: s.Fallbacks,
		Before41:  s.version[0] < 4 || s.version == [2]int{4, 0},
	}
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
