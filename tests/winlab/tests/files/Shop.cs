// Copyright: the golden.fleet founders
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
using System;
using System.Net;
using System.Net.Sockets;
using System.IO;
using System.Text;
using System.Threading;

// The smallest web service: /health, /version, /system and what GREETING is. The first argument is its port; "die" ends
// it with status 3. With a second one it takes a while to end once it has stopped.
public static class Shop
{
    public const string Version = "0.0.0";

    public static string Answer(string path)
    {
        switch (path)
        {
            case "/health": return "ok";
            case "/version": return Version;
            case "/system": return Environment.OSVersion.ToString();
            case "/greeting": return Environment.GetEnvironmentVariable("GREETING");
            default: return null;
        }
    }

    public static int Main(string[] arguments)
    {
        if (arguments.Length > 0 && arguments[0] == "die") return 3;
        Action start = () => new Thread(() => Serve(arguments)) { IsBackground = true }.Start();
        bool windows = Environment.OSVersion.Platform == PlatformID.Win32NT;
        if (!windows || !WindowsService.Run("shop", start, () => { })) Serve(arguments);
        if (arguments.Length > 1) Thread.Sleep(2000);
        return 0;
    }

    private static void Serve(string[] arguments)
    {
        var address = IPAddress.Parse(Environment.GetEnvironmentVariable("WINLAB_ADDRESS") ?? "127.0.0.1");
        var listener = new TcpListener(address, arguments.Length > 0 ? int.Parse(arguments[0]) : 8080);
        listener.Start();
        while (true)
            using (var client = listener.AcceptTcpClient())
            using (var stream = client.GetStream())
            {
                var line = new StreamReader(stream).ReadLine() ?? "";
                var words = line.Split(' ');
                var body = Answer(words.Length > 1 ? words[1] : "");
                var text = "HTTP/1.1 " + (body == null ? "404 Not Found" : "200 OK") +
                    "\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
                    (body ?? "").Length + "\r\n\r\n" + body;
                var data = Encoding.ASCII.GetBytes(text);
                stream.Write(data, 0, data.Length);
            }
    }
}
