// Copyright: the golden.fleet founders
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

namespace Orders
{
    public sealed class Answer
    {
        public readonly int Status;
        public readonly string Body;

        public Answer(int status, string body)
        {
            Status = status;
            Body = body;
        }

        public static Answer Error(int status, string why)
        {
            return new Answer(status, "{\"error\": " + Text.Quoted(why) + "}");
        }
    }

    // What the service answers, apart from how it travels.
    public sealed class Api
    {
        private readonly string version;
        private readonly Book book = new Book();

        public Api(string version)
        {
            this.version = version;
        }

        public Answer Handle(string method, string target, string body)
        {
            var path = target.Split('?')[0];
            var query = target.Length > path.Length ? target.Substring(path.Length + 1) : "";
            try
            {
                switch (path)
                {
                    case "/health":
                        return Only("GET", method, () => new Answer(200, "{\"status\": \"ok\"}"));
                    case "/version":
                        return Only("GET", method, () => new Answer(200, "{\"version\": " + Text.Quoted(version) + "}"));
                    case "/price":
                        return Only("GET", method, () => new Answer(200, new Order(0, LineOf(query)).Json));
                    case "/orders":
                        if (method == "POST") return new Answer(201, book.Take(LineOf(body)).Json);
                        return Only("GET", method, () => new Answer(200, book.Json));
                    default:
                        return Answer.Error(404, "there is no " + path);
                }
            }
            catch (ArgumentException error)
            {
                return Answer.Error(400, error.Message);
            }
        }

        private static Answer Only(string wanted, string method, Func<Answer> answer)
        {
            return method == wanted || wanted == "GET" && method == "HEAD" ? answer() : Answer.Error(405, "not by " + method);
        }

        // article=tea&quantity=3&price=250, as a query or as a form.
        private static Line LineOf(string form)
        {
            var fields = new Dictionary<string, string>();
            foreach (var pair in form.Split('&'))
            {
                var parts = pair.Split(new[] { '=' }, 2);
                if (parts.Length == 2) fields[parts[0]] = Uri.UnescapeDataString(parts[1].Replace('+', ' '));
            }
            return new Line(Field(fields, "article"), (int)Number(fields, "quantity"), Number(fields, "price"));
        }

        private static string Field(Dictionary<string, string> fields, string name)
        {
            string value;
            if (!fields.TryGetValue(name, out value)) throw new ArgumentException(name + " is missing");
            return value;
        }

        private static long Number(Dictionary<string, string> fields, string name)
        {
            int number;
            if (!int.TryParse(Field(fields, name), out number)) throw new ArgumentException(name + " is no number");
            return number;
        }
    }

    // HTTP/1.1 with one thread per connection, which stays open until the other side closes it or is silent for long.
    public sealed class Web
    {
        private const int SilenceMilliseconds = 300 * 1000;
        private const int MostHeaderBytes = 16384;
        private const int MostBodyBytes = 65536;
        private readonly TcpListener listener;
        private readonly Api api;
        private volatile bool ending;

        public Web(IPAddress address, int port, Api api)
        {
            listener = new TcpListener(address, port);
            this.api = api;
        }

        public void Run()
        {
            listener.Start(512);
            while (!ending)
            {
                TcpClient client;
                try
                {
                    client = listener.AcceptTcpClient();
                }
                catch (SocketException)
                {
                    if (ending) return;
                    Thread.Sleep(10);
                    continue;
                }
                new Thread(() => Serve(client), 256 * 1024) { IsBackground = true }.Start();
            }
        }

        // What has begun is answered, with word that the connection ends; nothing new is taken.
        public void Stop()
        {
            ending = true;
            listener.Stop();
        }

        private void Serve(TcpClient client)
        {
            try
            {
                using (client)
                using (var output = client.GetStream())
                using (var input = new BufferedStream(output, 8192))
                {
                    client.NoDelay = true;
                    client.ReceiveTimeout = client.SendTimeout = SilenceMilliseconds;
                    while (One(input, output)) { }
                }
            }
            catch (IOException) { }  // the other side went away, or was silent
            catch (ObjectDisposedException) { }
            catch (SocketException) { }
        }

        // Reads and answers one request; returns whether another may follow.
        private bool One(Stream input, Stream output)
        {
            int room = MostHeaderBytes;
            var first = ReadLine(input, ref room);
            if (string.IsNullOrEmpty(first)) return false;
            var words = first.Split(' ');
            if (words.Length != 3 || !words[2].StartsWith("HTTP/1."))
                return Send(output, Answer.Error(400, "this is no HTTP/1 request"), false, false);
            bool keep = words[2] == "HTTP/1.1";
            int length = 0;
            for (var line = ReadLine(input, ref room); line != ""; line = ReadLine(input, ref room))
            {
                if (line == null) return false;
                var parts = line.Split(new[] { ':' }, 2);
                var name = parts[0].Trim().ToLowerInvariant();
                var value = parts.Length == 2 ? parts[1].Trim() : "";
                if (name == "connection" && value.ToLowerInvariant() == "close") keep = false;
                if (name == "connection" && value.ToLowerInvariant() == "keep-alive") keep = true;
                if (name == "transfer-encoding")
                    return Send(output, Answer.Error(411, "say Content-Length"), false, false);
                if (name == "content-length" && (!int.TryParse(value, out length) || length < 0 || length > MostBodyBytes))
                    return Send(output, Answer.Error(413, "at most " + MostBodyBytes + " bytes"), false, false);
                if (name == "expect" && value.ToLowerInvariant() == "100-continue")
                    Write(output, "HTTP/1.1 100 Continue\r\n\r\n");
            }
            var body = new byte[length];
            for (int read = 0, now; read < length; read += now)
                if ((now = input.Read(body, read, length - read)) == 0) return false;
            var answer = api.Handle(words[0], words[1], Encoding.UTF8.GetString(body));
            return Send(output, answer, keep && !ending, words[0] == "HEAD");
        }

        private static bool Send(Stream output, Answer answer, bool keep, bool headOnly)
        {
            var body = Encoding.UTF8.GetBytes(answer.Body + "\n");
            Write(output, "HTTP/1.1 " + answer.Status + " " + (HttpStatusCode)answer.Status +
                "\r\nContent-Type: application/json\r\nContent-Length: " + body.Length +
                "\r\nConnection: " + (keep ? "keep-alive" : "close") + "\r\n\r\n" +
                (headOnly ? "" : Encoding.UTF8.GetString(body)));
            return keep;
        }

        private static void Write(Stream output, string text)
        {
            var data = Encoding.UTF8.GetBytes(text);
            output.Write(data, 0, data.Length);
            output.Flush();
        }

        // null where the connection ended.
        private static string ReadLine(Stream input, ref int room)
        {
            var line = new StringBuilder();
            for (int one = input.ReadByte(); one != '\n'; one = input.ReadByte())
            {
                if (one < 0) return null;
                if (--room < 0) throw new IOException("headers are too long");
                if (one != '\r') line.Append((char)one);
            }
            return line.ToString();
        }
    }
}
