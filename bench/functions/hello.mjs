const MARK = "world";

export const handler = async (event) => {
  if (event.seconds) await new Promise((resolve) => setTimeout(resolve, event.seconds * 1000));
  return { hello: MARK };
};
