Console.WriteLine(Shipped.Report.Text());
