/** A page, since an app has one. */
export default function Home() {
  return "home";
}
