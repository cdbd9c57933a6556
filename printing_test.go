package ginsession_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// Whatever prints a session prints no key and no data.
func TestPrintingShowsNothing(t *testing.T) {
	d := newDesk(t, func(cfg *ginsession.Config) {
		cfg.SecretKey = "ginsession-test-secret"
		cfg.SecretKeyFallbacks = []string{"retired-secret"}
	})
	s := d.session(t, "")
	s.Set("token", "precious")
	save(t, s)

	var out strings.Builder
	for _, v := range []any{s, []*ginsession.Session{s}, struct{ S *ginsession.Session }{s}, d.Manager, []any{d.Manager}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("session", "v", v, slog.Group("g", "v", v))
		}
		text, _ := json.Marshal(v)
		out.Write(text)
	}
	ctx := ginsession.NewContext(t.Context(), s)
	fmt.Fprintf(&out, "%v %+v %s", ctx, ctx, ctx)
	for _, secret := range []string{s.Key(), s.Key()[:10], "precious", "ginsession-test-secret", "retired-secret"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("printed: %q", secret)
		}
	}
	checkContains(t, out.String(), "ginsession.Session", "ginsession.Manager")
}

func TestPrintingARequestShowsNothing(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("token", "precious") })
	v.send("POST", func(c *gin.Context) {
		ginsession.Get(c).Get("token")
		c.Request = c.Request.WithContext(ginsession.NewContext(c, ginsession.Get(c)))
		_, _ = fmt.Fprintf(io.Discard, "%+v", c.Keys)
		text := fmt.Sprintf("%v %+v %s", c.Keys, c.Keys, c.Request.Context())
		for _, secret := range []string{v.key(), "precious"} {
			if strings.Contains(text, secret) {
				t.Errorf("printed: %q in %s", secret, text)
			}
		}
	})
}
