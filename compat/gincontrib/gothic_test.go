package gincontrib_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	"github.com/markbates/goth/gothic"
	"github.com/markbates/goth/providers/faux"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/compat/gincontrib"
)

// signInPages are a program's pages that sign in with a provider of goth. gothic keeps what it needs on
// the way in its Store; who has signed in is in the program's own session.
func signInPages(r *gin.RouterGroup) {
	r.GET("/auth/:provider", func(c *gin.Context) {
		gothic.BeginAuthHandler(c.Writer, gothic.GetContextWithProvider(c.Request, c.Param("provider")))
	})
	r.GET("/auth/:provider/callback", func(c *gin.Context) {
		u, err := gothic.CompleteUserAuth(c.Writer, gothic.GetContextWithProvider(c.Request, c.Param("provider")))
		if err != nil {
			c.String(http.StatusForbidden, "%v", err)
			return
		}
		if err := ginsession.Get(c).SignIn(u.Provider + ":" + u.UserID); err != nil {
			return // the middleware answers
		}
		c.Redirect(http.StatusSeeOther, "/")
	})
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "%s", ginsession.Get(c).Owner()) })
}

func TestGothic(t *testing.T) {
	goth.UseProviders(&faux.Provider{})
	before := gothic.Store
	t.Cleanup(func() {
		goth.ClearProviders()
		gothic.Store = before
	})
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		gothic.Store = gincontrib.NewStore(newManager(t, onEngine(engine), cookieName(gothic.SessionName)))
		site := newSite(t, gincontrib.Sessions(newManager(t, onEngine(engine))))
		signInPages(&site.Config.Handler.(*gin.Engine).RouterGroup)
		web := site.browser()
		web.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		cookies := func() string {
			var names []string
			for _, cookie := range web.Jar.Cookies(web.address()) {
				names = append(names, cookie.Name)
			}
			return strings.Join(names, " ")
		}
		get := func(path string) reply {
			t.Helper()
			r, err := web.fetch(http.MethodGet, path)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}

		r := get("/auth/faux")
		check(t, "begun", r.StatusCode, http.StatusTemporaryRedirect)
		check(t, "cookies on the way", cookies(), gothic.SessionName)
		provider, err := url.Parse(r.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}

		check(t, "with another's state", get("/auth/faux/callback?state=other").StatusCode, http.StatusForbidden)
		check(t, "which ended the attempt", cookies(), "")
		check(t, "also with the right state", get("/auth/faux/callback?state="+url.QueryEscape(provider.Query().Get("state"))).StatusCode, http.StatusForbidden)

		provider, err = url.Parse(get("/auth/faux").Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		r = get("/auth/faux/callback?state=" + url.QueryEscape(provider.Query().Get("state")))
		check(t, "completed: "+r.text, r.StatusCode, http.StatusSeeOther)
		check(t, "cookies afterwards", cookies(), "sessionid")
		check(t, "owner", get("/").text, "faux:id")
	})
}
