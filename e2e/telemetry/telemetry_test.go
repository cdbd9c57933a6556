// Package telemetry runs sessions inside OpenTelemetry's middleware for Gin and its plugin for GORM.
package telemetry

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/contrib/instrumentation/github.com/gin-gonic/gin/otelgin"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/plugin/opentelemetry/tracing"

	"github.com/ginsession/ginsession"
)

// The statements of sessions are spans of their request, and with WithoutQueryVariables no span has a
// session's data, nor its key.
func TestSpans(t *testing.T) {
	gin.SetMode(gin.TestMode)
	spans := tracetest.NewInMemoryExporter()
	provider := trace.NewTracerProvider(trace.WithSyncer(spans))
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if pool, err := db.DB(); err == nil {
		t.Cleanup(func() { pool.Close() })
	}
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	if err := db.Use(tracing.NewPlugin(tracing.WithTracerProvider(provider), tracing.WithoutMetrics(), tracing.WithoutQueryVariables())); err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.Use(otelgin.Middleware("site", otelgin.WithTracerProvider(provider)))
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.DB(db)}))
	r.POST("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		n := ginsession.ValueOr(s, "visits", 0) + 1
		s.Set("visits", n)
		s.Set("name", "a secret of the visitor's")
		c.JSON(http.StatusOK, n)
	})

	var cookie *http.Cookie
	for visit, want := range []string{"1", "2"} {
		spans.Reset()
		request := httptest.NewRequest(http.MethodPost, "/", nil)
		if cookie != nil {
			request.AddCookie(cookie)
		}
		reply := httptest.NewRecorder()
		r.ServeHTTP(reply, request)
		if reply.Body.String() != want {
			t.Fatalf("visit %d: %d %s, want %s", visit, reply.Code, reply.Body, want)
		}
		cookie = reply.Result().Cookies()[0]
		checkSpans(t, spans.GetSpans(), visit+1, cookie.Value)
	}
}

// checkSpans looks for one span of the request and so many of its statements.
func checkSpans(t *testing.T, spans tracetest.SpanStubs, statements int, key string) {
	t.Helper()
	of := spans[len(spans)-1].SpanContext.TraceID() // that of the request, which ends last
	if len(spans) != 1+statements {
		t.Errorf("%d spans, want one of the request and %d of statements", len(spans), statements)
	}
	for _, span := range spans {
		if span.SpanContext.TraceID() != of {
			t.Errorf("the span %s is not of the request", span.Name)
		}
		for _, a := range span.Attributes {
			if text := a.Value.Emit(); strings.Contains(text, key) || strings.Contains(text, "secret") {
				t.Errorf("the span %s shows the session: %s", span.Name, a.Key)
			}
		}
	}
}
