// Copyright: the golden.fleet founders
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using NUnit.Framework;

namespace Orders.Tests
{
    // What must hold before customers reach a release; run against one member in the maintenance pool.
    public abstract class OnMember
    {
        private static readonly string Url = Environment.GetEnvironmentVariable("FLEET_URL").TrimEnd('/');
        protected static readonly string Version = Environment.GetEnvironmentVariable("FLEET_VERSION");

        protected static HttpWebResponse Ask(string method, string path, string form)
        {
            var request = (HttpWebRequest)WebRequest.Create(Url + path);
            request.Method = method;
            request.Timeout = 10000;
            request.Proxy = null;
            request.ServicePoint.Expect100Continue = false;
            if (form != null)
            {
                var data = Encoding.UTF8.GetBytes(form);
                request.ContentType = "application/x-www-form-urlencoded";
                request.ContentLength = data.Length;
                using (var body = request.GetRequestStream()) body.Write(data, 0, data.Length);
            }
            try
            {
                return (HttpWebResponse)request.GetResponse();
            }
            catch (WebException error)
            {
                if (error.Response == null) throw;
                return (HttpWebResponse)error.Response;
            }
        }

        protected static string Body(int status, string method, string path, string form = null)
        {
            using (var answer = Ask(method, path, form))
            using (var reader = new StreamReader(answer.GetResponseStream(), Encoding.UTF8))
            {
                var body = reader.ReadToEnd();
                Assert.AreEqual(status, (int)answer.StatusCode, body);
                return body;
            }
        }

        protected static long Field(string body, string name)
        {
            var found = Regex.Match(body, "\"" + name + "\": (-?[0-9]+)");
            Assert.IsTrue(found.Success, "no number " + name + " in " + body);
            return long.Parse(found.Groups[1].Value);
        }
    }

    [TestFixture]
    public class Release : OnMember
    {
        [Test]
        public void Is_the_one_that_was_rolled_out()
        {
            StringAssert.Contains("{\"version\": \"" + Version + "\"}", Body(200, "GET", "/version"));
        }

        [Test]
        public void Is_healthy()
        {
            StringAssert.Contains("\"ok\"", Body(200, "GET", "/health"));
        }
    }

    [TestFixture]
    public class Price : OnMember
    {
        private static string PriceOf(int quantity, int price)
        {
            return Body(200, "GET", "/price?article=tea&quantity=" + quantity + "&price=" + price);
        }

        // Shipping is 495 below 5000.
        [TestCase(1, 0, 495)]
        [TestCase(1, 1000, 1495)]
        [TestCase(9, 500, 4995)]
        [TestCase(1, 4999, 5494)]
        [TestCase(1, 5000, 5000)]
        [TestCase(9, 1000, 9000)]
        [TestCase(10, 1000, 9500)]
        [TestCase(11, 1000, 10450)]
        [TestCase(99, 1000, 94050)]
        [TestCase(100, 1000, 88000)]
        [TestCase(101, 1000, 88880)]
        [TestCase(10, 99999999, 949999991)]
        public void Discount_and_shipping_are_in_it(int quantity, int price, long total)
        {
            Assert.AreEqual(total, Field(PriceOf(quantity, price), "total"));
        }

        [Test]
        public void Half_a_cent_rounds_up()
        {
            Assert.AreEqual(10 + 495, Field(PriceOf(10, 1), "total"), "9.5 cents and the shipping");
        }

        [Test]
        public void Shows_the_discount_from_1_1_on()
        {
            if (Version.StartsWith("1.0.")) StringAssert.DoesNotContain("discount", PriceOf(100, 1));
            else Assert.AreEqual(12, Field(PriceOf(100, 1), "discount"));
        }

        [TestCase("article=tea&quantity=0&price=1")]
        [TestCase("article=tea&quantity=10001&price=1")]
        [TestCase("article=tea&quantity=1&price=-1")]
        [TestCase("article=tea&quantity=one&price=1")]
        [TestCase("article=&quantity=1&price=1")]
        [TestCase("quantity=1&price=1")]
        [TestCase("")]
        public void Is_refused_for_what_is_no_order(string query)
        {
            StringAssert.Contains("error", Body(400, "GET", "/price?" + query));
        }
    }

    [TestFixture]
    public class Orders : OnMember
    {
        [Test]
        public void An_order_is_taken_and_listed()
        {
            var article = "tea " + Guid.NewGuid();
            var taken = Body(201, "POST", "/orders", "quantity=2&price=3000&article=" + Uri.EscapeDataString(article));
            Assert.AreEqual(6000, Field(taken, "total"));
            StringAssert.Contains(taken.Trim(), Body(200, "GET", "/orders"));
            StringAssert.Contains(article, taken);
        }

        [Test]
        public void Names_of_any_tongue_and_quotes_come_back()
        {
            var taken = Body(201, "POST", "/orders", "quantity=1&price=1&article=" + Uri.EscapeDataString("gr\u00fcn \"1\""));
            StringAssert.Contains("\"article\": \"gr\\u00fcn \\\"1\\\"\"", taken);
        }

        [Test]
        public void Orders_that_come_at_once_get_numbers_of_their_own()
        {
            var numbers = new List<long>();
            var threads = new List<Thread>();
            for (int count = 0; count < 8; count++)
                threads.Add(new Thread(() =>
                {
                    var number = Field(Body(201, "POST", "/orders", "article=tea&quantity=1&price=1"), "number");
                    lock (numbers) numbers.Add(number);
                }));
            threads.ForEach(thread => thread.Start());
            threads.ForEach(thread => thread.Join());
            Assert.AreEqual(8, numbers.Count);
            CollectionAssert.AllItemsAreUnique(numbers);
        }

        [Test]
        public void What_is_not_there_is_said_so()
        {
            Body(404, "GET", "/nothing");
            Body(405, "DELETE", "/orders");
        }
    }
}
