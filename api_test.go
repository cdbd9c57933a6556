package ginsession_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
	"github.com/ginsession/ginsession/signing"
)

// This file looks at the package as its users' compilers and printers do.

// TestNothingIsPromoted compiles the package: no exported type may show what an embedded type has.
func TestNothingIsPromoted(t *testing.T) {
	const path = "github.com/ginsession/ginsession"
	listed, err := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(listed)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		exports[name] = file
	}
	open := func(name string) (io.ReadCloser, error) { return os.Open(exports[name]) }
	pkg, err := importer.ForCompiler(token.NewFileSet(), "gc", open).Import(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pkg.Scope().Names() {
		object, ok := pkg.Scope().Lookup(name).(*types.TypeName)
		if !ok || !object.Exported() {
			continue
		}
		methods := types.NewMethodSet(types.NewPointer(object.Type()))
		for i := range methods.Len() {
			if m := methods.At(i); m.Obj().Exported() && len(m.Index()) > 1 {
				t.Errorf("%s.%s is promoted from an embedded type", name, m.Obj().Name())
			}
		}
		fields, ok := object.Type().Underlying().(*types.Struct)
		if !ok {
			continue
		}
		for i := range fields.NumFields() {
			f := fields.Field(i)
			if !f.Embedded() {
				continue
			}
			embedded := f.Type()
			if p, ok := embedded.(*types.Pointer); ok {
				embedded = p.Elem()
			}
			if s, ok := embedded.Underlying().(*types.Struct); ok {
				for j := range s.NumFields() {
					if s.Field(j).Exported() || s.Field(j).Embedded() {
						t.Errorf("%s shows the field %s of what it embeds", name, s.Field(j).Name())
					}
				}
			}
		}
	}
}

// TestNothingPrintsASecret prints whatever holds a secret or a key, with every verb that people use.
func TestNothingPrintsASecret(t *testing.T) {
	const secret, retired, salt = "secret-of-the-test-0123456789abcdef", "retired-of-the-test", "salt-of-the-test"
	cfg := ginsession.Config{
		Engine: ginsession.SignedCookies(), SecretKey: secret, SecretKeyFallbacks: []string{retired}, Salt: salt,
	}
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	inTheOpen := cfg
	inTheOpen.Engine = ginsession.Custom(testsite.NewStore())
	server, err := ginsession.NewManager(inTheOpen)
	if err != nil {
		t.Fatal(err)
	}
	s := server.Open(t.Context(), "")
	s.Set("value", "value-of-the-test")
	save(t, s)
	again := server.Open(t.Context(), s.Key())
	again.Get("value")

	type holder struct {
		m *ginsession.Manager
		s *ginsession.Session
	}
	hidden := []string{secret, retired, salt, s.Key(), "value-of-the-test"}
	for _, v := range []any{
		cfg, &cfg, m, *m, server, s, again, *again, holder{m, s}, &holder{server, again}, []*ginsession.Session{s}, map[string]any{"s": s, "m": m},
		ginsession.DjangoOptions{SecretKey: secret, Fallbacks: []string{retired}, Salt: salt},
		&ginsession.DjangoOptions{SecretKey: secret, Fallbacks: []string{retired}, Salt: salt},
		signing.Config{SecretKey: secret, SecretKeyFallbacks: []string{retired}, Salt: salt},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%t", "%d", "%x", "%X"} {
			checkHidden(t, fmt.Sprintf("%T with %s", v, verb), fmt.Sprintf(verb, v), hidden)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("JSON", "v", v)
		checkHidden(t, fmt.Sprintf("%T in a log", v), log.String(), hidden)
	}
}

func checkHidden(t *testing.T, what, text string, hidden []string) {
	t.Helper()
	for _, h := range hidden {
		for _, form := range []string{h, fmt.Sprintf("%x", h), fmt.Sprintf("%X", h)} {
			if strings.Contains(text, form) {
				t.Errorf("%s shows %q: %s", what, h, text)
				return
			}
		}
	}
}

// TestConfigErrorNamesItsField has a program find the field that is wrong.
func TestConfigErrorNamesItsField(t *testing.T) {
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(ginsession.Caches{}.Use("x")), CookieAge: -1})
	if !errors.Is(err, ginsession.ErrConfig) {
		t.Fatalf("error: %v, want ErrConfig", err)
	}
	var wrong *ginsession.ConfigError
	if !errors.As(err, &wrong) || wrong.Field != "CookieAge" || !strings.Contains(wrong.Problem, "at least one") {
		t.Errorf("the first wrong field: %+v", wrong)
	}
	for _, text := range []string{"CookieAge", "Engine", "alias"} {
		checkContains(t, err.Error(), text)
	}
}

// TestCookieHasNoSideEffect asks for the cookie of a session: the request goes on as if nobody had.
func TestCookieHasNoSideEffect(t *testing.T) {
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(testsite.NewStore())})
	if err != nil {
		t.Fatal(err)
	}
	headers := func(ask bool) http.Header {
		r := gin.New()
		r.Use(m.Handler())
		r.GET("/", func(c *gin.Context) {
			s := m.Get(c)
			s.Set("a", 1)
			save(t, s)
			if ask {
				m.Cookie(s)
			}
			if err := s.Flush(); err != nil {
				t.Error(err)
			}
			c.Status(http.StatusNoContent)
		})
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Header()
	}
	check(t, "headers", headers(true), headers(false))
}
