package ginsession_test

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// What another library has kept becomes a session of ours once, whose cookie replaces the old one.
func TestReadOld(t *testing.T) {
	asked := 0
	site := testsite.New(t, testsite.Setup{
		Config: ginsession.Config{ReadOld: func(r *http.Request) (map[string]any, bool) {
			asked++
			cookie, err := r.Cookie("sessionid")
			if err != nil || cookie.Value != "old-library's" {
				return nil, false
			}
			return map[string]any{"v": "old", "n": 7, "_session_owner": "root", "bad": make(chan int)}, true
		}},
		Routes: func(r *gin.Engine) { r.GET("/nothing", func(c *gin.Context) { c.String(http.StatusOK, "static") }) },
	})
	stranger := site.Visitor()
	check(t, "a stranger", stranger.Get("/w/get").Text, "v=")
	check(t, "is asked for", asked, 1)
	check(t, "and has no session", len(site.Store.Keys()), 0)

	old := site.As("sessionid=old-library's")
	check(t, "a page without the session", old.Get("/nothing").Text, "static")
	check(t, "asks nothing", asked, 1)
	first := old.Get("/w/get")
	check(t, "a page that only reads", first.Text, "v=old")
	cookies := first.Cookies()
	if len(cookies) != 1 || cookies[0].Name != "sessionid" {
		t.Fatal("cookies:", cookies)
	}
	check(t, "the number of sessions", len(site.Store.Keys()), 1)
	checkContains(t, site.Log.String(), "left out", "_session_owner", "bad")

	asked = 0
	ours := site.As("sessionid=" + cookies[0].Value)
	check(t, "the next page", ours.Get("/w/get").Text, "v=old")
	check(t, "asks nothing", asked, 0)
	check(t, "sign-out", ours.Post("/w/flush").StatusCode, http.StatusOK)
	check(t, "after the sign-out", ours.Get("/w/get").Text, "v=")
}
