package nginx_test

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// nobody is whom a page greets that is not signed in. Names begin with a capital letter, which no
// session key has.
const nobody = "Nobody"

func userOf(s *ginsession.Session) string {
	if user, ok := ginsession.Value[string](s, "user"); ok {
		return user
	}
	return nobody
}

// shapes are the ways of answering with what is in the session.
var shapes = map[string]gin.HandlerFunc{
	"text": func(c *gin.Context) {
		c.String(http.StatusOK, userOf(ginsession.Get(c)))
	},
	"template that reads the session": func(c *gin.Context) {
		c.HTML(http.StatusOK, "page", gin.H{"session": ginsession.Get(c)})
	},
	"first byte before the first read": func(c *gin.Context) {
		s := ginsession.Get(c)
		_, _ = c.Writer.WriteString("Hello ")
		_, _ = c.Writer.WriteString(userOf(s))
	},
	"stream": func(c *gin.Context) {
		s, n := ginsession.Get(c), 0
		c.Stream(func(w io.Writer) bool {
			n++
			fmt.Fprintf(w, "%d %s\n", n, userOf(s))
			return n < 3
		})
	},
	"headers alone": func(c *gin.Context) {
		c.Header("X-User", userOf(ginsession.Get(c)))
		c.Status(http.StatusNoContent)
	},
	"redirect": func(c *gin.Context) {
		c.Redirect(http.StatusFound, "/home/"+userOf(ginsession.Get(c)))
	},
	"permanent redirect": func(c *gin.Context) {
		c.Redirect(http.StatusMovedPermanently, "/home/"+userOf(ginsession.Get(c)))
	},
	"not found": func(c *gin.Context) {
		c.String(http.StatusNotFound, "nothing here, %s", userOf(ginsession.Get(c)))
	},
	"error": func(c *gin.Context) {
		c.String(http.StatusInternalServerError, "sorry, %s", userOf(ginsession.Get(c)))
	},
	"panic": func(c *gin.Context) {
		c.Header("X-User", userOf(ginsession.Get(c)))
		panic("the handler is broken")
	},
	"etag": func(c *gin.Context) {
		user := userOf(ginsession.Get(c))
		tag := `"` + user + `"`
		c.Header("ETag", tag)
		if c.GetHeader("If-None-Match") == tag {
			c.Status(http.StatusNotModified)
			return
		}
		c.String(http.StatusOK, user)
	},
	"file": func(c *gin.Context) { // with Last-Modified, which all visitors share, and ranges
		modified := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		http.ServeContent(c.Writer, c.Request, "page.txt", modified, strings.NewReader(userOf(ginsession.Get(c))))
	},
	"long": func(c *gin.Context) { // worth compressing
		c.String(http.StatusOK, strings.Repeat(userOf(ginsession.Get(c))+" ", 2000))
	},
	"write": func(c *gin.Context) { // a new visitor gets a cookie
		s := ginsession.Get(c)
		s.Set("seen", true)
		c.String(http.StatusOK, userOf(s))
	},
	"write in public": func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=60, s-maxage=60")
		s := ginsession.Get(c)
		s.Set("seen in public", c.Query("at"))
		c.String(http.StatusOK, userOf(s))
	},
	"public": func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=60")
		c.Header("Expires", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		c.Header("X-Accel-Expires", "60")
		c.String(http.StatusOK, userOf(ginsession.Get(c)))
	},
	"Vary of its own before": func(c *gin.Context) {
		c.Header("Vary", "Accept-Language")
		c.String(http.StatusOK, userOf(ginsession.Get(c)))
	},
	"Vary of its own after": func(c *gin.Context) {
		s := ginsession.Get(c)
		user := userOf(s)
		c.Writer.Header().Add("Vary", "Accept-Language")
		c.Writer.Header().Add("Vary", "Accept-Encoding")
		c.String(http.StatusOK, user)
	},
}

var page = template.Must(template.New("page").Parse(`<html><title>Hello</title>{{with .session.Get "user"}}{{.}}{{else}}Nobody{{end}}</html>`))

func addShapes(r *gin.Engine) {
	r.SetHTMLTemplate(page)
	for name, handler := range shapes {
		r.Any("/shape/"+pathOf(name), handler)
	}
	r.Any("/shape/first-read-after-the-first-byte", tooLate)
	r.POST("/signin", func(c *gin.Context) {
		s := ginsession.Get(c)
		if err := s.CycleKey(); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		s.Set("user", c.Query("user"))
		c.Redirect(http.StatusSeeOther, "/")
	})
	r.POST("/signout", func(c *gin.Context) {
		_ = ginsession.Get(c).Flush()
		c.Redirect(http.StatusSeeOther, "/")
	})
}

// tooLate is the shape that no library can mend: nobody asked for the session before the headers
// went out. It is logged.
func tooLate(c *gin.Context) {
	_, _ = c.Writer.WriteString("Hello ")
	_, _ = c.Writer.WriteString(userOf(ginsession.Get(c)))
}

func pathOf(shape string) string { return strings.ReplaceAll(shape, " ", "-") }
