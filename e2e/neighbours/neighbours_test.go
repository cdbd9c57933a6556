// Package neighbours runs sessions beside other frameworks inside Gin.
package neighbours

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// inContext gives handlers that see the request's context only what FromContext looks for.
func inContext(c *gin.Context) {
	ctx := ginsession.NewContext(c.Request.Context(), ginsession.Get(c))
	c.Request = c.Request.WithContext(ctx)
}

// An operation of huma gets the session from its context.
func TestHuma(t *testing.T) {
	site := testsite.New(t, testsite.Setup{After: []gin.HandlerFunc{inContext}, Routes: func(r *gin.Engine) {
		api := humagin.New(r, huma.DefaultConfig("site", "1"))
		type output struct{ Body struct{ Visits int } }
		huma.Post(api, "/visits", func(ctx context.Context, _ *struct{}) (*output, error) {
			s, ok := ginsession.FromContext(ctx)
			if !ok {
				return nil, huma.Error500InternalServerError("no session")
			}
			var o output
			o.Body.Visits = ginsession.ValueOr(s, "visits", 0) + 1
			s.Set("visits", o.Body.Visits)
			return &o, nil
		})
	}})
	v := site.Visitor()
	for _, want := range []string{`"Visits":1}`, `"Visits":2}`} {
		if reply := v.Post("/visits"); reply.StatusCode != http.StatusOK || !strings.Contains(reply.Text, want) {
			t.Errorf("%d %s, want %s", reply.StatusCode, reply.Text, want)
		}
	}
}
