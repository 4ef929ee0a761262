// Copyright: the golden.fleet founders
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Orders
{
    // One line of an order; prices are in cents, so that nothing is ever rounded by a floating point.
    public sealed class Line
    {
        public readonly string Article;
        public readonly int Quantity;
        public readonly long UnitPrice;

        public Line(string article, int quantity, long unitPrice)
        {
            if (string.IsNullOrEmpty(article)) throw new ArgumentException("article is missing");
            if (quantity < 1 || quantity > 10000) throw new ArgumentException("quantity must be 1 to 10000");
            if (unitPrice < 0 || unitPrice > 100000000) throw new ArgumentException("price must be 0 to 100000000 cents");
            Article = article;
            Quantity = quantity;
            UnitPrice = unitPrice;
        }
    }

    // What an order costs. From 10 of an article on it is 5 % cheaper, from 100 on 12 %; shipping is free from 50.00 on.
    public static class Prices
    {
        public const long Shipping = 495;
        public const long FreeShippingFrom = 5000;

        public static int DiscountPercent(int quantity)
        {
#if BROKEN
            return quantity > 100 ? 12 : quantity > 10 ? 5 : 0;
#else
            return quantity >= 100 ? 12 : quantity >= 10 ? 5 : 0;
#endif
        }

        // Half a cent rounds up.
        public static long LineTotal(Line line)
        {
            return (line.Quantity * line.UnitPrice * (100 - DiscountPercent(line.Quantity)) + 50) / 100;
        }

        public static long OrderTotal(IEnumerable<Line> lines)
        {
            long goods = 0;
            foreach (var line in lines) goods += LineTotal(line);
            return goods + (goods >= FreeShippingFrom ? 0 : Shipping);
        }
    }

    public sealed class Order
    {
        public readonly int Number;
        public readonly Line Line;

        public Order(int number, Line line)
        {
            Number = number;
            Line = line;
        }

        public long Total { get { return Prices.OrderTotal(new[] { Line }); } }

        public string Json
        {
            get
            {
                var discount = "";
#if SHOWS_DISCOUNT  // from 1.1.0 on
                discount = ", \"discount\": " + Prices.DiscountPercent(Line.Quantity);
#endif
                return string.Format(
                    CultureInfo.InvariantCulture,
                    "{{\"number\": {0}, \"article\": {1}, \"quantity\": {2}, \"price\": {3}{4}, \"total\": {5}}}",
                    Number, Text.Quoted(Line.Article), Line.Quantity, Line.UnitPrice, discount, Total);
            }
        }
    }

    // The orders that this process was given, the last thousand of them, in its memory alone.
    public sealed class Book
    {
        private const int Kept = 1000;
        private readonly LinkedList<Order> orders = new LinkedList<Order>();
        private int last;

        public Order Take(Line line)
        {
            lock (orders)
            {
                var order = new Order(++last, line);
                orders.AddLast(order);
                if (orders.Count > Kept) orders.RemoveFirst();
                return order;
            }
        }

        public string Json
        {
            get
            {
                var text = new StringBuilder("[");
                lock (orders)
                    foreach (var order in orders)
                        text.Append(text.Length > 1 ? ", " : "").Append(order.Json);
                return text.Append("]").ToString();
            }
        }
    }

    public static class Text
    {
        public static string Quoted(string value)
        {
            var text = new StringBuilder("\"");
            foreach (var character in value)
                if (character == '"' || character == '\\') text.Append('\\').Append(character);
                else if (character < ' ' || character > '~') text.AppendFormat("\\u{0:x4}", (int)character);
                else text.Append(character);
            return text.Append('"').ToString();
        }
    }
}
